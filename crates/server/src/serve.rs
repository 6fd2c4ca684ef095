//! Serves a router of axum to whoever connects, within bounds, until it is told to end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::{Error, Peer, Tls};

/// Bounds of a server.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Connections at once, open streams of events included; whoever comes then waits.
    pub connections: usize,
    /// Until a handshake is done, and until a head is read: each.
    pub patience: Duration,
    /// How long what is being answered may take to end once the server is to end.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 2_048,
            patience: Duration::from_secs(10),
            grace: Duration::from_secs(10),
        }
    }
}

/// A server that is bound and takes nobody yet.
#[derive(Debug)]
pub struct Bound {
    socket: std::net::TcpListener,
    /// Where it listens.
    pub address: SocketAddr,
    tls: Option<Tls>,
    bounds: Bounds,
}

/// A server at work.
#[derive(Debug)]
pub struct Serving {
    /// Where it listens.
    pub address: SocketAddr,
    ends: watch::Sender<bool>,
    task: JoinHandle<()>,
    runtime: Handle,
}

impl Bound {
    /// Binds `address`; with `tls` whoever connects is shown that.
    ///
    /// # Errors
    /// The system refuses.
    pub fn bind(address: SocketAddr, tls: Option<Tls>, bounds: Bounds) -> Result<Self, Error> {
        let refused = |source| Error::Bind { address, source };
        let socket = std::net::TcpListener::bind(address).map_err(refused)?;
        socket.set_nonblocking(true).map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        Ok(Self {
            socket,
            address,
            tls,
            bounds,
        })
    }

    /// Begins to serve `router` on `runtime`.
    ///
    /// # Errors
    /// The runtime takes no socket.
    pub fn serve(self, runtime: &Handle, router: Router) -> Result<Serving, Error> {
        let address = self.address;
        let _inside = runtime.enter();
        let socket =
            TcpListener::from_std(self.socket).map_err(|source| Error::Bind { address, source })?;
        let (ends, ending) = watch::channel(false);
        let desk = Arc::new(Desk {
            router,
            tls: self.tls.map(|tls| TlsAcceptor::from(tls.0)),
            bounds: self.bounds,
        });
        let task = runtime.spawn(accept(socket, desk, ending));
        Ok(Serving {
            address,
            ends,
            task,
            runtime: runtime.clone(),
        })
    }
}

impl Serving {
    /// Takes nobody more, lets what is being answered come to its end within the grace, and
    /// returns then.
    pub fn end(self) {
        // Whoever waits for it is gone only where the server ended before.
        let _ = self.ends.send(true);
        let _ = self.runtime.block_on(self.task);
    }

    /// Says that the server is to end, without waiting for it.
    pub fn ends(&self) -> watch::Sender<bool> {
        self.ends.clone()
    }
}

/// What all connections share.
struct Desk {
    router: Router,
    tls: Option<TlsAcceptor>,
    bounds: Bounds,
}

async fn accept(socket: TcpListener, desk: Arc<Desk>, mut ending: watch::Receiver<bool>) {
    let connections = Arc::new(Semaphore::new(desk.bounds.connections));
    let graceful = GracefulShutdown::new();
    loop {
        let next = async {
            let place = Arc::clone(&connections).acquire_owned().await;
            (place, socket.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            _ = ending.wait_for(|ends| *ends) => break,
        };
        let (Ok(place), Ok((stream, address))) = (place, accepted) else {
            // No descriptors are left, or whoever came has gone: neither ends the server.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (desk, watcher) = (Arc::clone(&desk), graceful.watcher());
        tokio::spawn(async move {
            connection(stream, address, &desk, watcher).await;
            drop(place);
        });
    }
    drop(socket);
    // What has not ended by then is broken off.
    let _ = timeout(desk.bounds.grace, graceful.shutdown()).await;
}

async fn connection(stream: TcpStream, address: SocketAddr, desk: &Desk, watcher: Watcher) {
    // A small answer is not to wait for more of it.
    let _ = stream.set_nodelay(true);
    let peer = |tls| Peer { address, tls };
    let Some(tls) = &desk.tls else {
        return requests(stream, peer(false), desk, watcher).await;
    };
    if let Ok(Ok(stream)) = timeout(desk.bounds.patience, tls.accept(stream)).await {
        requests(stream, peer(true), desk, watcher).await;
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    desk: &Desk,
    watcher: Watcher,
) {
    let router = TowerToHyperService::new(desk.router.clone());
    let each = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(desk.bounds.patience)
        .max_buf_size(64 * 1024)
        .max_headers(64)
        .serve_connection(TokioIo::new(stream), each);
    // A connection that breaks off is its peer's affair.
    let _ = watcher.watch(served).await;
}
