//! Reads requests of HTTP/1.1 within bounds and has them answered.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{Error, Tls};

/// Bounds of a listener.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; whoever comes then waits to be taken.
    pub connections: usize,
    /// Requests that are being answered at once; whoever comes then is told to come again.
    pub answering: usize,
    /// Bytes of a body.
    pub body: usize,
    /// Until a handshake is done, until a head is read, until a body is read: each.
    pub patience: Duration,
    /// How long one connection may last, whatever it does.
    pub lifetime: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            answering: 32,
            // The largest of any platform: GitHub sends up to 25 MB, but none of what is kept is
            // in one above this; Pub/Sub, Event Grid, SNS and Okta send less than 1 MiB.
            body: 1 << 20,
            patience: Duration::from_secs(10),
            lifetime: Duration::from_secs(120),
        }
    }
}

/// One request, whole.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `POST`.
    pub method: String,
    /// The path, without parameters.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, or nothing.
    pub body: String,
}

/// Who answers.
pub trait Answers: Send + Sync + 'static {
    /// Answers one request, on a thread that may wait.
    fn answer(&self, asked: &Asked) -> Answer;

    /// Hears of a request that was refused before it was whole: `oversized`, `slow`, `busy`.
    fn refused(&self, path: &str, what: &'static str);
}

/// A listener that is bound and takes nobody yet.
#[derive(Debug)]
pub struct Listener {
    socket: std::net::TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
    limits: Limits,
}

/// A listener at work; it ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    /// Binds `address`; with `tls` whoever connects is shown that.
    ///
    /// # Errors
    /// The system refuses.
    pub fn bind(address: SocketAddr, tls: Option<Tls>, limits: Limits) -> Result<Self, Error> {
        let refused = |source| Error::Bind { address, source };
        let socket = std::net::TcpListener::bind(address).map_err(refused)?;
        socket.set_nonblocking(true).map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        Ok(Self {
            socket,
            address,
            tls,
            limits,
        })
    }

    /// Begins to listen on `runtime`.
    ///
    /// # Errors
    /// The runtime takes no socket.
    pub fn start(self, runtime: &Handle, answers: Arc<dyn Answers>) -> Result<Running, Error> {
        let address = self.address;
        let _inside = runtime.enter();
        let socket =
            TcpListener::from_std(self.socket).map_err(|source| Error::Bind { address, source })?;
        let desk = Arc::new(Desk {
            answers,
            answering: Arc::new(Semaphore::new(self.limits.answering)),
            tls: self.tls.map(|tls| tokio_rustls::TlsAcceptor::from(tls.0)),
            limits: self.limits,
        });
        let task = runtime.spawn(accept(socket, desk));
        Ok(Running { address, task })
    }
}

/// What all connections of a listener share.
struct Desk {
    answers: Arc<dyn Answers>,
    answering: Arc<Semaphore>,
    tls: Option<tokio_rustls::TlsAcceptor>,
    limits: Limits,
}

async fn accept(socket: TcpListener, desk: Arc<Desk>) {
    let connections = Arc::new(Semaphore::new(desk.limits.connections));
    loop {
        let Ok(place) = Arc::clone(&connections).acquire_owned().await else {
            return;
        };
        let stream = match socket.accept().await {
            Ok((stream, _)) => stream,
            // No descriptors are left, or whoever came has gone: neither ends the listener.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let lifetime = desk.limits.lifetime;
            // A connection that lasts too long or breaks off is its peer's affair.
            let _ = timeout(lifetime, connection(stream, desk)).await;
            drop(place);
        });
    }
}

async fn connection(stream: tokio::net::TcpStream, desk: Arc<Desk>) {
    let Some(tls) = &desk.tls else {
        return requests(stream, desk).await;
    };
    if let Ok(Ok(stream)) = timeout(desk.limits.patience, tls.accept(stream)).await {
        requests(stream, Arc::clone(&desk)).await;
    }
}

async fn requests(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, desk: Arc<Desk>) {
    let patience = desk.limits.patience;
    let each = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(desk.answer(request).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(64 * 1024)
        .max_headers(64)
        .serve_connection(TokioIo::new(stream), each)
        .await;
    // What is no HTTP is answered by hyper itself, or not at all.
    drop(served);
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let asked = match self.whole(request, &path).await {
            Ok(asked) => asked,
            Err((status, what)) => {
                self.answers.refused(&path, what);
                return close(status);
            }
        };
        let Ok(place) = Arc::clone(&self.answering).try_acquire_owned() else {
            self.answers.refused(&path, "busy");
            let mut answer = close(StatusCode::SERVICE_UNAVAILABLE);
            answer
                .headers_mut()
                .insert("retry-after", HeaderValue::from_static("5"));
            return answer;
        };
        let answers = Arc::clone(&self.answers);
        let answered = tokio::task::spawn_blocking(move || {
            let answer = answers.answer(&asked);
            drop(place);
            answer
        });
        match answered.await {
            Ok(answer) => response(answer),
            // Whoever answers gave up: it is not known what was kept, so it is to come again.
            Err(_) => close(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Reads a request to its end.
    async fn whole(
        &self,
        request: Request<Incoming>,
        path: &str,
    ) -> Result<Asked, (StatusCode, &'static str)> {
        const LARGE: (StatusCode, &str) = (StatusCode::PAYLOAD_TOO_LARGE, "oversized");
        let (head, body) = request.into_parts();
        let limit = u64::try_from(self.limits.body).unwrap_or(u64::MAX);
        // Whoever says that it is too long is not read at all.
        if body.size_hint().lower() > limit {
            return Err(LARGE);
        }
        let read = Limited::new(body, self.limits.body).collect();
        let body = match timeout(self.limits.patience, read).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(LARGE),
            Ok(Err(_)) => return Err((StatusCode::BAD_REQUEST, "broken_off")),
            Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "slow")),
        };
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        Ok(Asked {
            method: head.method.as_str().to_owned(),
            path: path.to_owned(),
            headers: headers.collect(),
            body,
        })
    }
}

/// An answer after which the connection is closed: what was not read is not read.
fn close(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(hyper::header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let has_body = !answer.body.is_empty();
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    if has_body {
        headers.insert("content-type", HeaderValue::from_static("application/json"));
    }
    for (name, value) in answer.headers {
        // What no header can say is left out.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}
