//! A mail server on loopback that keeps what it is given, or refuses it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::server::eventually;

/// A mail server. It stops when this is dropped.
#[derive(Debug)]
pub struct FakeSmtp {
    port: u16,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

/// One e-mail as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The addresses that it was handed over for, not those of its headers.
    pub to: Vec<String>,
    /// Headers and text.
    pub data: String,
}

#[derive(Debug, Default)]
struct State {
    letters: Vec<Letter>,
    /// What it answers to every recipient, where that is not 250.
    refusal: Option<&'static str>,
    tries: usize,
}

impl FakeSmtp {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free loopback port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let state = Arc::default();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { port, state, task }
    }

    /// The value of `SMTP_URL`.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Answers every recipient like this from now on; `None` takes all of them.
    pub fn refuses(&self, answer: Option<&'static str>) {
        self.state().refusal = answer;
    }

    /// How often it was asked to take a recipient.
    pub fn tries(&self) -> usize {
        self.state().tries
    }

    /// What it was given.
    pub fn letters(&self) -> Vec<Letter> {
        self.state().letters.clone()
    }

    /// The same as soon as there are so many.
    pub async fn wait_for(&self, count: usize, limit: Duration) -> Vec<Letter> {
        eventually(limit, async || Some(self.letters()).filter(|letters| letters.len() >= count)).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }
}

impl Letter {
    /// The text, as a mail program shows it.
    pub fn text(&self) -> String {
        let body = self.data.split_once("\r\n\r\n").map_or("", |(_, body)| body).replace("\r\n", "\n");
        if self.data.contains("quoted-printable") { decoded(&body.replace("=\n", "")) } else { body }
    }
}

fn decoded(text: &str) -> String {
    let mut pieces = text.split('=');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("e-mails are UTF-8")
}

impl Drop for FakeSmtp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection. [RFC 5321]
async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 fake ESMTP\r\n").await.ok()?;
    let mut to = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let word = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer = match word.as_str() {
            "EHLO" => "250-fake\r\n250 8BITMIME".to_owned(),
            "RCPT" => {
                let mut state = state.lock().expect("no holder panics");
                state.tries += 1;
                let address = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                state.refusal.map_or_else(
                    || {
                        to.push(address);
                        "250 ok".to_owned()
                    },
                    str::to_owned,
                )
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                let mut data = String::new();
                while !data.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut data).await.ok()? == 0 {
                        return None;
                    }
                }
                let letter = Letter { to: std::mem::take(&mut to), data };
                state.lock().expect("no holder panics").letters.push(letter);
                "250 taken".to_owned()
            }
            "QUIT" => "221 bye".to_owned(),
            _ => "250 ok".to_owned(),
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}
