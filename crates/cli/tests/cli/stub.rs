//! A stub of providers: answers by path, and tells what it was asked. It is no provider.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// An answer: status line, further header lines, body. None: the connection is cut.
pub(crate) type Said = Option<(&'static str, String, String)>;

/// A listener on loopback.
pub(crate) struct Stub {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    /// Answers each request by its path.
    pub(crate) fn answering(say: impl Fn(&str) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, say) = (Arc::clone(&asked), Arc::new(say));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (log, say) = (Arc::clone(&log), Arc::clone(&say));
                std::thread::spawn(move || serve(stream, &log, say.as_ref()));
            }
        });
        Self { address, asked }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.address
    }

    /// The heads of the requests that came.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The paths that were asked for, sorted.
    pub(crate) fn paths(&self) -> Vec<String> {
        let path = |head: &String| head.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut paths: Vec<String> = self.asked().iter().map(path).collect();
        paths.sort();
        paths
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<String>>, say: &dyn Fn(&str) -> Said) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 64 * 1024 {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => break,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    // Whoever closes with something unread cuts off its own answer.
    let length = head.to_ascii_lowercase();
    let length = length.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0).min(1 << 20)];
    drop(stream.read_exact(&mut body));
    log.lock().unwrap().push(head);
    if let Some((status, headers, body)) = say(&path) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
        );
        drop(stream.write_all(answer.as_bytes()));
    }
}

/// An answer in JSON.
pub(crate) fn json(status: &'static str, body: &str) -> Said {
    let kind = "content-type: application/json\r\n".to_owned();
    Some((status, kind, body.to_owned()))
}
