//! A connection to a peer that somebody else makes for us: SOCKS5 (RFC 1928, 1929) or CONNECT (RFC 9110, 9.3.6).
//!
//! Peers are addresses, so nothing is looked up on either side. What a proxy says is bounded, and it is told no more than
//! the address.

use std::io;
use std::net::SocketAddr;

use data_encoding::BASE64;
use freshet_model::{Proxy, ProxyKind};
use freshet_web::Route;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Of the head of an answer to CONNECT.
const MAX_HEAD_BYTES: usize = 8 * 1024;

/// Connects to a peer through a proxy. Has no time-out of its own.
///
/// # Errors
/// `ConnectionRefused` if the proxy can't reach the peer or does not want to; `PermissionDenied` if it does not know us.
pub(super) async fn connect(route: &Route, proxy: &Proxy, peer: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = route.connect_to_proxy(proxy).await?;
    stream.set_nodelay(true)?;
    match proxy.kind {
        ProxyKind::Socks5 => socks5(&mut stream, proxy, peer).await?,
        ProxyKind::Http => http(&mut stream, proxy, peer).await?,
    }
    Ok(stream)
}

async fn socks5(stream: &mut TcpStream, proxy: &Proxy, peer: SocketAddr) -> io::Result<()> {
    const VERSION: u8 = 5;
    const NO_LOGIN: u8 = 0;
    const LOGIN: u8 = 2;
    let method = if proxy.login.is_some() { LOGIN } else { NO_LOGIN };
    stream.write_all(&[VERSION, 1, method]).await?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await?;
    if chosen != [VERSION, method] {
        return Err(denied("the proxy does not take this kind of login"));
    }
    if let Some((user, password)) = &proxy.login {
        let mut login = vec![1];
        for word in [user, password] {
            let length = u8::try_from(word.len()).map_err(|_| denied("the login is too long"))?;
            login.push(length);
            login.extend_from_slice(word.as_bytes());
        }
        stream.write_all(&login).await?;
        let mut verdict = [0; 2];
        stream.read_exact(&mut verdict).await?;
        if verdict[1] != 0 {
            return Err(denied("the proxy does not take this name and password"));
        }
    }
    let mut request = vec![VERSION, 1, 0];
    match peer {
        SocketAddr::V4(peer) => {
            request.push(1);
            request.extend_from_slice(&peer.ip().octets());
        }
        SocketAddr::V6(peer) => {
            request.push(4);
            request.extend_from_slice(&peer.ip().octets());
        }
    }
    request.extend_from_slice(&peer.port().to_be_bytes());
    stream.write_all(&request).await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    if answer[0] != VERSION {
        return Err(refused("the proxy speaks no SOCKS5"));
    }
    if answer[1] != 0 {
        return Err(refused("the proxy does not reach the peer"));
    }
    // Where it is bound to: of no use, but in the way.
    let bound_bytes = match answer[3] {
        1 => 4,
        3 => usize::from(stream.read_u8().await?),
        4 => 16,
        _ => return Err(refused("the proxy speaks no SOCKS5")),
    };
    let mut bound = [0; 255 + 2];
    stream.read_exact(&mut bound[..bound_bytes + 2]).await?;
    Ok(())
}

async fn http(stream: &mut TcpStream, proxy: &Proxy, peer: SocketAddr) -> io::Result<()> {
    let mut request = format!("CONNECT {peer} HTTP/1.1\r\nHost: {peer}\r\n");
    if let Some((user, password)) = &proxy.login {
        let login = BASE64.encode(format!("{user}:{password}").as_bytes());
        request.push_str(&format!("Proxy-Authorization: Basic {login}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    // Byte by byte: what follows the head is the peer's.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD_BYTES {
            return Err(refused("the answer of the proxy is too long"));
        }
        head.push(stream.read_u8().await?);
    }
    let status = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    match (head.starts_with(b"HTTP/1."), status) {
        (true, [b'2', _, _]) => Ok(()),
        (true, b"407") => Err(denied("the proxy does not take this name and password")),
        _ => Err(refused("the proxy does not reach the peer")),
    }
}

fn refused(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, reason)
}

fn denied(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    /// A proxy that answers each question of the script with what follows it, then says "peer".
    async fn scripted(script: Vec<(Vec<u8>, Vec<u8>)>) -> (u16, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for (asked, answer) in script {
                let mut heard = vec![0; asked.len()];
                stream.read_exact(&mut heard).await.unwrap();
                assert_eq!(heard, asked);
                stream.write_all(&answer).await.unwrap();
            }
            // Whoever gave up has hung up.
            let _ = stream.write_all(b"peer").await;
        });
        (port, task)
    }

    fn peer(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    async fn ends_with_peer(mut stream: TcpStream) -> bool {
        let mut words = [0; 4];
        stream.read_exact(&mut words).await.unwrap();
        words == *b"peer"
    }

    #[tokio::test]
    async fn socks5_is_spoken_with_and_without_a_login() {
        let connected = vec![5, 0, 0, 3, 2, b'h', b'i', 0, 1];
        let plain = vec![
            (vec![5, 1, 0], vec![5, 0]),
            (vec![5, 1, 0, 1, 192, 0, 2, 7, 0x1a, 0xe1], vec![5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        ];
        let (port, mut proxy_task) = scripted(plain).await;
        let proxy: Proxy = format!("socks5://127.0.0.1:{port}").parse().unwrap();
        assert!(
            ends_with_peer(connect(&Route::default(), &proxy, peer("192.0.2.7:6881")).await.unwrap()).await
        );
        proxy_task.join_next().await.unwrap().unwrap();

        let mut v6 = vec![5, 1, 0, 4, 0x20, 0x01, 0x0d, 0xb8];
        v6.extend_from_slice(&[0; 11]);
        v6.extend_from_slice(&[1, 0, 9]);
        let with_login =
            vec![(vec![5, 1, 2], vec![5, 2]), (vec![1, 1, b'u', 2, b'p', b'w'], vec![1, 0]), (v6, connected)];
        let (port, mut proxy_task) = scripted(with_login).await;
        let proxy: Proxy = format!("socks5://u:pw@127.0.0.1:{port}").parse().unwrap();
        assert!(
            ends_with_peer(connect(&Route::default(), &proxy, peer("[2001:db8::1]:9")).await.unwrap()).await
        );
        proxy_task.join_next().await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn connect_is_spoken_with_and_without_a_login() {
        for (user, login) in [("", ""), ("u:pw@", "Proxy-Authorization: Basic dTpwdw==\r\n")] {
            let asked = format!("CONNECT 192.0.2.7:1 HTTP/1.1\r\nHost: 192.0.2.7:1\r\n{login}\r\n");
            let answer = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n".to_vec();
            let (port, mut proxy_task) = scripted(vec![(asked.into_bytes(), answer)]).await;
            let proxy: Proxy = format!("http://{user}127.0.0.1:{port}").parse().unwrap();
            assert!(
                ends_with_peer(connect(&Route::default(), &proxy, peer("192.0.2.7:1")).await.unwrap()).await
            );
            proxy_task.join_next().await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn a_proxy_that_says_no_or_anything_else_is_an_error() {
        let ask_v4 = vec![5, 1, 0, 1, 192, 0, 2, 7, 0, 1];
        let scripts = [
            ("socks5", vec![(vec![5, 1, 0], vec![5, 0xff])], io::ErrorKind::PermissionDenied),
            ("socks5", vec![(vec![5, 1, 0], b"HT".to_vec())], io::ErrorKind::PermissionDenied),
            (
                "socks5",
                vec![(vec![5, 1, 0], vec![5, 0]), (ask_v4.clone(), vec![5, 5, 0, 1])],
                io::ErrorKind::ConnectionRefused,
            ),
            (
                "socks5",
                vec![(vec![5, 1, 0], vec![5, 0]), (ask_v4, vec![5, 0, 0, 9])],
                io::ErrorKind::ConnectionRefused,
            ),
            (
                "http",
                vec![(b"CONNECT".to_vec(), b"HTTP/1.1 407 Who\r\n\r\n".to_vec())],
                io::ErrorKind::PermissionDenied,
            ),
            (
                "http",
                vec![(b"CONNECT".to_vec(), b"HTTP/1.1 502 No\r\n\r\n".to_vec())],
                io::ErrorKind::ConnectionRefused,
            ),
            (
                "http",
                vec![(b"CONNECT".to_vec(), vec![b'x'; MAX_HEAD_BYTES])],
                io::ErrorKind::ConnectionRefused,
            ),
        ];
        for (scheme, script, expected) in scripts {
            let (port, mut proxy_task) = scripted(script).await;
            let proxy: Proxy = format!("{scheme}://127.0.0.1:{port}").parse().unwrap();
            let error = connect(&Route::default(), &proxy, peer("192.0.2.7:1")).await.unwrap_err();
            assert_eq!(error.kind(), expected, "{scheme}: {error}");
            proxy_task.join_next().await.unwrap().unwrap();
        }
    }
}
