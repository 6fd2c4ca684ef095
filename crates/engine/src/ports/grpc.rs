//! One call of gRPC over a connection that stands: a message there, a message back.
//!
//! Source: gRPC over HTTP/2 (`doc/PROTOCOL-HTTP2.md` of gRPC). Calls with streams are not here:
//! nobody asks for them.

use bytes::{Buf as _, Bytes, BytesMut};
use connectors::Refusal;
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, Request, Uri};
use model::Reason;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

/// The names of gRPC's status codes, by their numbers.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
/// A message has its compression (one byte) and its length (four) before it.
const PREFIX: usize = 5;
/// Bytes of headers and trailers.
const HEADERS_MAX: u32 = 64 << 10;

/// A connection; dropped, it is closed.
pub(super) struct Connection {
    sender: SendRequest<Bytes>,
    drives: JoinHandle<()>,
    authority: String,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.drives.abort();
    }
}

impl Connection {
    /// Greets whoever is at the other end of `stream`, which is asked under the name `authority`.
    pub(super) async fn open<S>(stream: S, authority: &str) -> Result<Self, Refusal>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let greeted = h2::client::Builder::new()
            .enable_push(false)
            .max_header_list_size(HEADERS_MAX)
            .handshake(stream)
            .await;
        let (sender, connection) = greeted.map_err(|error| broken(&error))?;
        // What goes wrong on it is told by the call that waits for it.
        let drives = tokio::spawn(async move { drop(connection.await) });
        Ok(Self {
            sender,
            drives,
            authority: authority.to_owned(),
        })
    }

    /// Calls `path` (`package.Service/Method`) with `message`; the message that comes back, of at
    /// most `bytes_max`.
    pub(super) async fn call(
        &mut self,
        path: &str,
        message: &[u8],
        bytes_max: usize,
    ) -> Result<Bytes, Refusal> {
        let answer = self.send(path, message).await?;
        let (head, mut body) = answer.await.map_err(|error| broken(&error))?.into_parts();
        if head.status != http::StatusCode::OK {
            let told = format!("HTTP status {}", head.status.as_u16());
            return Err(Refusal::new(Reason::Failed, told).code(head.status.as_str()));
        }
        // A refusal may come at once, without any message.
        if let Some(refusal) = refused(&head.headers) {
            return Err(refusal);
        }
        let mut whole = BytesMut::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk.map_err(|error| broken(&error))?;
            if whole.len() + chunk.len() > bytes_max + PREFIX {
                let told = format!("the answer is longer than {bytes_max} bytes");
                return Err(Refusal::new(Reason::Unsupported, told).code("too_long"));
            }
            whole.extend_from_slice(&chunk);
            // Of a stream that has ended there is no room to give back.
            drop(body.flow_control().release_capacity(chunk.len()));
        }
        let trailers = body.trailers().await.map_err(|error| broken(&error))?;
        let trailers = trailers.unwrap_or_default();
        if let Some(refusal) = refused(&trailers) {
            return Err(refusal);
        }
        if !trailers.contains_key("grpc-status") {
            return Err(misshapen("the answer ends without a status"));
        }
        unframed(whole.freeze())
    }

    async fn send(&mut self, path: &str, message: &[u8]) -> Result<ResponseFuture, Refusal> {
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.authority.as_str())
            .path_and_query(format!("/{path}"))
            .build();
        let request = uri.and_then(|uri| {
            Request::post(uri)
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(())
        });
        let request = request.map_err(|_| misshapen("no call can be made of this"))?;
        let length = u32::try_from(message.len()).map_err(|_| misshapen("too long a question"))?;
        let mut framed = BytesMut::with_capacity(PREFIX + message.len());
        framed.extend_from_slice(&[0]);
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(message);
        let ready = self.sender.clone().ready().await;
        let mut sender = ready.map_err(|error| broken(&error))?;
        let sent = sender.send_request(request, false);
        let (answer, mut body) = sent.map_err(|error| broken(&error))?;
        body.send_data(framed.freeze(), true)
            .map_err(|error| broken(&error))?;
        Ok(answer)
    }
}

/// The length of the one message in `whole`, and the refusal that `trailers` tell: for fuzzing.
pub fn says(whole: &[u8], trailers: &[(&str, &str)]) -> (Result<usize, Refusal>, Option<Refusal>) {
    let mut headers = HeaderMap::new();
    for (name, value) in trailers {
        let name = http::HeaderName::from_bytes(name.as_bytes());
        let value = http::HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let message = unframed(Bytes::copy_from_slice(whole));
    (message.map(|message| message.len()), refused(&headers))
}

/// The one message of an answer.
fn unframed(mut whole: Bytes) -> Result<Bytes, Refusal> {
    if whole.len() < PREFIX {
        return Err(misshapen("the answer holds no message"));
    }
    let compressed = whole.get_u8() != 0;
    let length = whole.get_u32();
    if compressed || u32::try_from(whole.len()) != Ok(length) {
        return Err(misshapen("the answer holds no message that can be read"));
    }
    Ok(whole)
}

/// The refusal that headers or trailers tell; none where they tell of success or of nothing.
fn refused(headers: &HeaderMap) -> Option<Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let status = text("grpc-status")?;
    let number: usize = status.parse().unwrap_or(2);
    if number == 0 {
        return None;
    }
    let code = CODES.get(number).copied().unwrap_or("UNKNOWN");
    let reason = match code {
        "PERMISSION_DENIED" | "UNAUTHENTICATED" => Reason::Denied,
        "RESOURCE_EXHAUSTED" => Reason::Throttled,
        "UNIMPLEMENTED" => Reason::Unsupported,
        _ => Reason::Failed,
    };
    let told = text("grpc-message").unwrap_or_default();
    Some(Refusal::new(reason, model::shorten(&unescaped(told), 240)).code(code))
}

/// Percent signs and two digits stand for bytes that a header cannot hold.
fn unescaped(text: &str) -> String {
    let digit = |at: Option<&u8>| char::from(*at?).to_digit(16);
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%').then(|| {
            let value = digit(bytes.get(at + 1))? * 16 + digit(bytes.get(at + 2))?;
            u8::try_from(value).ok()
        });
        match escaped.flatten() {
            Some(value) => {
                out.push(value);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn misshapen(told: &str) -> Refusal {
    Refusal::new(Reason::Failed, told).code("no_grpc")
}

/// HTTP/2 itself broke; its words hold nothing of what was sent.
fn broken(error: &h2::Error) -> Refusal {
    Refusal::new(Reason::Failed, model::shorten(&error.to_string(), 160)).code("closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_lies_about_its_length_is_refused() {
        for bytes in [
            &[][..],
            &[0, 0, 0],
            &[0, 0, 0, 0, 2, 7],
            &[0, 0, 0, 0, 0, 7],
            &[1, 0, 0, 0, 1, 7],
        ] {
            let told = unframed(Bytes::copy_from_slice(bytes)).unwrap_err();
            assert_eq!(told.code, "no_grpc", "{bytes:?}");
        }
        let one = unframed(Bytes::from_static(&[0, 0, 0, 0, 1, 7])).unwrap();
        assert_eq!(&one[..], [7]);
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        let mut headers = HeaderMap::new();
        assert_eq!(refused(&headers), None);
        headers.insert("grpc-status", "7".parse().unwrap());
        headers.insert("grpc-message", "not%20for 100% of%2".parse().unwrap());
        let told = refused(&headers).unwrap();
        assert_eq!(
            (told.reason, told.code.as_str()),
            (Reason::Denied, "PERMISSION_DENIED")
        );
        assert_eq!(told.told, "not for 100% of%2");
        headers.insert("grpc-status", "99".parse().unwrap());
        assert_eq!(refused(&headers).unwrap().code, "UNKNOWN");
        headers.insert("grpc-status", "0".parse().unwrap());
        assert_eq!(refused(&headers), None);
    }
}
