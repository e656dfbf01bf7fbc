//! The way out of this computer, and the ports where peers come in.

use std::sync::{Arc, Weak};
use std::time::Duration;

use freshet_web::Route;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Inner, Opened, StartError, Swarm, UtpState, lock};
use crate::peer::listen::{self, Ports};
use crate::peer::{Transport, UtpSocket};
use crate::torrent::ToTorrent;

/// After an error of the listener, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

impl Swarm {
    /// Where peers reach us.
    pub fn listen_port(&self) -> Option<u16> {
        *self.inner.listen_port.borrow()
    }

    /// As [`Swarm::listen_port`], and told of every change.
    pub fn watch_listen_port(&self) -> watch::Receiver<Option<u16>> {
        self.inner.listen_port.subscribe()
    }

    pub fn utp_state(&self) -> UtpState {
        lock(&self.inner.opened).utp_state.clone()
    }

    /// Lets peers in at another port from now on, over TCP and where possible over uTP; 0 is any port, `None` is none. What
    /// is asked for and open already stays as it is. Connections over TCP stay; those over uTP end with their port.
    ///
    /// # Errors
    /// [`StartError::Listen`], if that port can't be had; the old one stays open then.
    pub async fn set_listen_port(&self, port: Option<u16>) -> Result<(), StartError> {
        let is_there = match (port, self.listen_port()) {
            (Some(0), open) => open.is_some(),
            (wanted, open) => wanted == open,
        };
        if is_there {
            return Ok(());
        }
        self.open_ports(port).await
    }

    async fn open_ports(&self, port: Option<u16>) -> Result<(), StartError> {
        let inner = &self.inner;
        let stop = inner.stop.child_token();
        let route = inner.context.dialer.route();
        let ports = listen::open(port, &route, &stop).await.map_err(StartError::Listen)?;
        let opened = Opened { utp_state: ports.utp_state(), stop: stop.clone() };
        let closed = std::mem::replace(&mut *lock(&inner.opened), opened);
        inner.listen_port.send_replace(ports.listen_port());
        inner.serve(ports, stop);
        closed.stop.cancel();
        Ok(())
    }

    /// On which way peers are called from now on, and at which port they are let in, as by [`Swarm::set_listen_port`]. If the way is
    /// another one, connections by the old way end. Through a proxy peers are called over TCP alone, and no port is opened; while
    /// the interface is not there, nobody is called either.
    ///
    /// # Errors
    /// [`StartError::Listen`], if that port can't be had. If the way is another one, there is none then.
    pub async fn set_route(&self, route: &Route, port: Option<u16>) -> Result<(), StartError> {
        let dialer = &self.inner.context.dialer;
        if *dialer.route() == *route {
            return self.set_listen_port(port).await;
        }
        // Before anybody calls by the new way from the old socket.
        dialer.set_utp(None);
        dialer.set_route(route);
        self.open_ports(None).await?;
        if let Some(port) = port {
            listen::until_free(port, route).await;
        }
        let opened = self.set_listen_port(port).await;
        self.tell_all(|| ToTorrent::BeginAnew).await;
        opened
    }
}

impl Inner {
    /// Lets peers in at these ports until they are closed, and calls peers over uTP from there.
    pub(super) fn serve(self: &Arc<Self>, ports: Ports, stop: CancellationToken) {
        let tasks = &self.context.tasks;
        let rerouted = self.context.dialer.rerouted();
        let utp = ports.utp.ok();
        self.context.dialer.set_utp(utp.clone());
        let Some(listener) = ports.tcp else { return };
        let accepting = accept_tcp(listener, Arc::downgrade(self), rerouted.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(accepting));
        if let Some(socket) = utp {
            let accepting = accept_utp(socket, Arc::downgrade(self), rerouted);
            tasks.spawn(stop.run_until_cancelled_owned(accepting));
        }
    }
}

async fn accept_tcp(listener: TcpListener, inner: Weak<Inner>, rerouted: CancellationToken) {
    loop {
        let accepted = listener.accept().await;
        let Some(inner) = inner.upgrade() else { return };
        match accepted {
            Ok((stream, address)) if inner.context.dialer.settings().tcp => {
                // Without it all works, only slower.
                let _ = stream.set_nodelay(true);
                let dialer = &inner.context.dialer;
                let stream = dialer.carry(stream, &dialer.route());
                inner.admit(stream, Transport::Tcp, address, rerouted.clone());
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "a peer could not be let in");
                drop(inner);
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn accept_utp(socket: UtpSocket, inner: Weak<Inner>, rerouted: CancellationToken) {
    loop {
        let accepted = socket.accept().await;
        let Some(inner) = inner.upgrade() else { return };
        match accepted {
            Ok((stream, address)) if inner.context.dialer.settings().utp => {
                inner.admit(Box::new(stream), Transport::Utp, address, rerouted.clone());
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "nobody can be let in over uTP any more");
                return;
            }
        }
    }
}
