use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// A router on loopback: answers searches, describes itself, and says what it was told.
struct FakeRouter {
    ssdp: SocketAddr,
    told: mpsc::Receiver<String>,
    _tasks: JoinSet<()>,
}

impl FakeRouter {
    /// `answer` gives the status and body for a SOAP request.
    async fn start(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> Self {
        let searched = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let ssdp = searched.local_addr().unwrap();
        let http = listener.local_addr().unwrap();
        let (tell, told) = mpsc::channel(32);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut question = [0; 1024];
            loop {
                let (_, from) = searched.recv_from(&mut question).await.unwrap();
                // Somebody else tries to send us elsewhere; and there is the router itself.
                for link in ["http://127.0.0.2/root.xml".to_owned(), format!("http://{http}/root.xml")] {
                    let text = format!("HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLocation: {link}\r\n\r\n");
                    searched.send_to(text.as_bytes(), from).await.unwrap();
                }
            }
        });
        tasks.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                let (status, body) = if request.starts_with("GET /root.xml ") {
                    let service = "urn:schemas-upnp-org:service:WANIPConnection:1";
                    let service =
                        format!("<serviceType>{service}</serviceType><controlURL>/ctl</controlURL>");
                    (200, format!("<root><service>{service}</service></root>"))
                } else {
                    let said = answer(&request);
                    tell.send(request).await.unwrap();
                    said
                };
                let text = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(text.as_bytes()).await.unwrap();
            }
        });
        Self { ssdp, told, _tasks: tasks }
    }

    fn router(&self) -> Router {
        Router { policy: AddressPolicy::PrivateToo, ssdp: self.ssdp, has_nat_pmp: false }
    }

    async fn told(&mut self) -> String {
        timeout(PATIENCE, self.told.recv()).await.unwrap().unwrap()
    }
}

async fn read_request(stream: &mut tokio::net::TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        stream.read_buf(&mut request).await.unwrap();
        let text = String::from_utf8(request.clone()).unwrap();
        if text.ends_with("</s:Envelope>\r\n") || (text.starts_with("GET ") && text.ends_with("\r\n\r\n")) {
            return text;
        }
    }
}

struct Kept {
    port: watch::Sender<Option<u16>>,
    wanted: watch::Sender<bool>,
    reachable: watch::Receiver<Option<u16>>,
    status: watch::Receiver<DiscoveryStatus>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

fn keep(router: Router, port: Option<u16>) -> Kept {
    let (port, listen_port) = watch::channel(port);
    let (wanted, is_wanted) = watch::channel(true);
    let (sender, reachable) = watch::channel(None);
    let (status, shown) = watch::channel(DiscoveryStatus::default());
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let web = WebClient::new(router.policy).unwrap();
    let way = web.way_out();
    let keeper = Keeper { router, web, way, listen_port, is_wanted, reachable: sender, status, cancel: stop };
    let tasks = TaskTracker::new();
    drop(tasks.spawn(keeper.run()));
    tasks.close();
    Kept { port, wanted, reachable, status: shown, cancel, tasks }
}

async fn shown(kept: &mut Kept, wanted: impl Fn(&MappingStatus) -> bool) {
    let waiting = kept.status.wait_for(|status| wanted(&status.mapping));
    timeout(PATIENCE, waiting).await.expect("the status").unwrap();
}

fn mapped(external_port: u16) -> impl Fn(&MappingStatus) -> bool {
    move |status| *status == MappingStatus::Mapped { protocol: MappingProtocol::Upnp, external_port }
}

fn has(request: &str, action: &str, transport: &str, port: u16) -> bool {
    request.contains(&format!("#{action}\"\r\n"))
        && request.contains(&format!("<NewProtocol>{transport}</NewProtocol>"))
        && request.contains(&format!("<NewExternalPort>{port}</NewExternalPort>"))
}

#[tokio::test]
async fn a_port_is_mapped_and_given_back_at_the_end() {
    let mut router = FakeRouter::start(|_| (200, String::new())).await;
    let mut kept = keep(router.router(), Some(7000));

    shown(&mut kept, mapped(7000)).await;
    let tcp = router.told().await;
    assert!(has(&tcp, "AddPortMapping", "TCP", 7000), "{tcp}");
    assert!(tcp.contains("<NewInternalClient>127.0.0.1</NewInternalClient>"), "{tcp}");
    assert!(tcp.contains("<NewLeaseDuration>3600</NewLeaseDuration>"), "{tcp}");
    assert!(has(&router.told().await, "AddPortMapping", "UDP", 7000));
    assert_eq!(*kept.reachable.borrow(), Some(7000));

    kept.cancel.cancel();
    timeout(PATIENCE, kept.tasks.wait()).await.unwrap();
    assert!(has(&router.told().await, "DeletePortMapping", "TCP", 7000));
    assert!(has(&router.told().await, "DeletePortMapping", "UDP", 7000));
    assert_eq!(kept.status.borrow().mapping, MappingStatus::Off);
}

#[tokio::test]
async fn another_port_is_mapped_anew_and_an_unwanted_mapping_is_given_back() {
    let mut router = FakeRouter::start(|_| (200, String::new())).await;
    let mut kept = keep(router.router(), None);
    shown(&mut kept, |status| *status == MappingStatus::Off).await;

    kept.port.send_replace(Some(7000));
    shown(&mut kept, mapped(7000)).await;
    kept.port.send_replace(Some(7001));
    shown(&mut kept, mapped(7001)).await;
    kept.wanted.send_replace(false);
    shown(&mut kept, |status| *status == MappingStatus::Off).await;

    let expected = [
        ("AddPortMapping", 7000),
        ("DeletePortMapping", 7000),
        ("AddPortMapping", 7001),
        ("DeletePortMapping", 7001),
    ];
    for (action, port) in expected {
        for transport in ["TCP", "UDP"] {
            let told = router.told().await;
            assert!(has(&told, action, transport, port), "{action} {transport} {port}: {told}");
        }
    }
    assert_eq!(*kept.reachable.borrow(), Some(7001));
}

#[tokio::test]
async fn a_router_without_leases_gets_a_mapping_without_an_end() {
    let router = FakeRouter::start(|request| {
        if request.contains("<NewLeaseDuration>0</NewLeaseDuration>") {
            (200, String::new())
        } else {
            (500, "<s:Fault><errorCode>725</errorCode></s:Fault>".to_owned())
        }
    })
    .await;

    let lease = timeout(PATIENCE, router.router().map(7000, Route::default())).await.unwrap().unwrap();

    assert_eq!((lease.external_port(), lease.renewal()), (7000, LEASE / 2));
}

#[tokio::test]
async fn where_another_computer_has_the_port_another_one_is_mapped() {
    let router = FakeRouter::start(|request| {
        if request.contains("<NewExternalPort>7000</NewExternalPort>") {
            (500, "<s:Fault><errorCode>718</errorCode></s:Fault>".to_owned())
        } else {
            (200, String::new())
        }
    })
    .await;
    let mut kept = keep(router.router(), Some(7000));

    shown(&mut kept, |status| matches!(status, MappingStatus::Mapped { .. })).await;

    let reachable = *kept.reachable.borrow();
    assert!(reachable.is_some_and(|port| port >= 49152), "{reachable:?}");
    let mapping = &kept.status.borrow().mapping;
    let expected =
        MappingStatus::Mapped { protocol: MappingProtocol::Upnp, external_port: reachable.unwrap() };
    assert_eq!(*mapping, expected);
}

#[tokio::test]
async fn a_refusal_is_a_state_that_says_why() {
    let router =
        FakeRouter::start(|_| (500, "<s:Fault><errorCode>718</errorCode></s:Fault>".to_owned())).await;
    let mut kept = keep(router.router(), Some(7000));

    let expected = MappingStatus::Failed("the router refused with error 718".to_owned());
    shown(&mut kept, |status| *status == expected).await;
    assert_eq!(*kept.reachable.borrow(), Some(7000));
}

#[tokio::test]
async fn nobody_outside_of_our_network_is_taken_for_a_router() {
    let router = FakeRouter::start(|_| (200, String::new())).await;
    let strict = Router { policy: AddressPolicy::GlobalOnly, ..router.router() };

    let refused = timeout(PATIENCE, strict.map(7000, Route::default())).await.unwrap();

    assert!(matches!(refused, Err(MappingError::Upnp(upnp::UpnpError::NoRouter))), "{refused:?}");
}

#[tokio::test]
async fn what_fails_inside_is_an_error() {
    let failing = async { panic!("a test of what a panic does") };
    assert!(matches!(bounded(failing).await, Err(MappingError::Panicked)));
}
