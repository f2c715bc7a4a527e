//! One WebSocket: HELLO, heartbeats, commands, and the frames of its session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::SinkExt;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use super::encode::Encoding;
use super::entry::{Arrival, Welcome};
use super::faults::GatewayFault;
use super::record::{By, Closed, Outcome};
use super::session::{Session, Taken};
use crate::fake_discord::state::Shared;

/// "Must not exceed 4096 bytes." [Discord Docs/Gateway: Sending Events]
const LARGEST_COMMAND: usize = 4_096;

/// How long a client may take to answer a close frame before the connection is dropped.
const FAREWELL: Duration = Duration::from_secs(1);

/// What others tell a connection.
#[derive(Debug)]
pub(crate) enum Control {
    Close(u16),
    Do(GatewayFault),
}

/// Why a connection is over.
pub(crate) struct Ended(By, Option<u16>);

impl Ended {
    fn by_us(code: u16) -> Self {
        Self(By::Discord, Some(code))
    }

    fn broken() -> Self {
        Self(By::Nobody, None)
    }
}

pub(crate) struct Connection {
    shared: Arc<Shared>,
    socket: WebSocket,
    encoding: Encoding,
    pub(crate) arrival: Arrival,
    pub(crate) control: mpsc::UnboundedSender<Control>,
    session: Option<Arc<Session>>,
    application_id: u64,
    /// The interval that HELLO named.
    heartbeat: Duration,
    last_heartbeat: Instant,
    /// When the current minute began, how much was sent in it, and what is allowed.
    sends: (Instant, u32, u32),
    silent: bool,
    swap: bool,
}

/// Serves one connection until it ends. `cut` ends it without a word.
pub(crate) async fn serve(socket: WebSocket, shared: Arc<Shared>, arrival: Arrival, cut: Arc<Notify>) {
    let (control, told) = mpsc::unbounded_channel();
    let settings = {
        let mut state = shared.state();
        state.gateway.line(shared.application_id).settings.clone()
    };
    let now = Instant::now();
    let mut connection = Connection {
        application_id: shared.application_id,
        shared,
        socket,
        encoding: Encoding::new(arrival.zstd),
        arrival,
        control,
        session: None,
        heartbeat: settings.heartbeat,
        last_heartbeat: now,
        sends: (now, 0, settings.sends_per_minute),
        silent: false,
        swap: false,
    };
    let ended = tokio::select! {
        ended = connection.run(told) => ended.err().unwrap_or_else(Ended::broken),
        () = cut.notified() => Ended::broken(),
    };
    connection.leave(&ended);
    let frame = match ended {
        Ended(By::Discord, Some(code)) => Some(Message::Close(Some(CloseFrame { code, reason: "".into() }))),
        // The answer to a client's close frame goes out by itself.
        Ended(By::Client, _) => None,
        _ => return,
    };
    let farewell = async {
        if let Some(frame) = frame
            && connection.socket.send(frame).await.is_err()
        {
            return;
        }
        // Dropping a socket with unread bytes in it would take the close frame away from the client.
        while let Some(Ok(_)) = connection.socket.recv().await {}
    };
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
}

impl Connection {
    async fn run(&mut self, mut told: mpsc::UnboundedReceiver<Control>) -> Result<(), Ended> {
        if let Some(wait) = self.arrival.hang.take() {
            tokio::time::sleep(wait).await;
        }
        self.last_heartbeat = Instant::now();
        let interval = u64::try_from(self.heartbeat.as_millis()).unwrap_or(u64::MAX);
        self.say(10, &json!({"heartbeat_interval": interval, "_trace": []})).await?;
        loop {
            let session = self.session.clone();
            let frames = async {
                match &session {
                    Some(session) if !self.silent => session.ready.notified().await,
                    _ => std::future::pending().await,
                }
            };
            // A heartbeat is late when half an interval more has passed: Discord grants the network's latency.
            let late = tokio::time::Instant::from_std(self.last_heartbeat + self.heartbeat.mul_f32(1.5));
            tokio::select! {
                message = self.socket.recv() => self.hear(message).await?,
                told = told.recv() => match told {
                    Some(Control::Close(code)) => return Err(Ended::by_us(code)),
                    Some(Control::Do(fault)) => self.suffer(fault).await?,
                    None => return Err(Ended::broken()),
                },
                () = frames => self.forward().await?,
                () = tokio::time::sleep_until(late), if !self.silent => return Err(Ended::by_us(4_000)),
            }
        }
    }

    /// Sends what the session has, a batch at a time.
    async fn forward(&mut self) -> Result<(), Ended> {
        let Some(session) = self.session.clone() else { return Ok(()) };
        if self.swap && session.sequence().0 < session.sequence().1 + 2 {
            return Ok(());
        }
        let mut frames = match session.take(self.arrival.id) {
            Taken::Frames(frames) => frames,
            Taken::TooSlow => {
                session.end();
                return Err(Ended::by_us(4_000));
            }
            Taken::NotMine => return Ok(()),
        };
        if self.swap && frames.len() > 1 {
            frames.swap(0, 1);
            self.swap = false;
        }
        for frame in frames {
            let message = self.encoding.message(frame);
            self.socket.feed(message).await.map_err(|_| Ended::broken())?;
        }
        self.socket.flush().await.map_err(|_| Ended::broken())
    }

    async fn say(&mut self, op: u64, data: &Value) -> Result<(), Ended> {
        self.text(format!("{{\"t\":null,\"s\":null,\"op\":{op},\"d\":{data}}}")).await
    }

    async fn text(&mut self, text: String) -> Result<(), Ended> {
        let message = self.encoding.message(text.into());
        self.socket.send(message).await.map_err(|_| Ended::broken())
    }

    async fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), Ended> {
        let text = match message {
            None | Some(Err(_)) => return Err(Ended::broken()),
            Some(Ok(Message::Close(frame))) => return Err(Ended(By::Client, frame.map(|frame| frame.code))),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Binary(_))) => return Err(Ended::by_us(4_002)),
        };
        self.count_send()?;
        if text.len() > LARGEST_COMMAND {
            return Err(Ended::by_us(4_002));
        }
        let command: Value = serde_json::from_str(&text).map_err(|_| Ended::by_us(4_002))?;
        let op = command["op"].as_u64().ok_or(Ended::by_us(4_002))?;
        let data = &command["d"];
        match op {
            1 => return self.acknowledge(data).await,
            2 | 6 if self.session.is_some() => return Err(Ended::by_us(4_005)),
            2 => {
                let welcome = self.shared.identify(self.arrival, &self.control, data);
                return self.enter(welcome).await;
            }
            6 => {
                let welcome = self.shared.resume(self.arrival, &self.control, data);
                return self.enter(welcome).await;
            }
            3 | 4 | 8 | 31 | 43 if self.session.is_none() => return Err(Ended::by_us(4_003)),
            3 | 4 | 8 | 31 | 43 => self.shared.state().gateway.line(self.application_id).record.commands.push(op),
            _ => return Err(Ended::by_us(4_001)),
        }
        Ok(())
    }

    fn count_send(&mut self) -> Result<(), Ended> {
        let (since, sent, allowed) = &mut self.sends;
        if since.elapsed() >= Duration::from_mins(1) {
            (*since, *sent) = (Instant::now(), 0);
        }
        *sent += 1;
        if *sent <= *allowed {
            return Ok(());
        }
        let violation = format!("more than {allowed} sends within a minute");
        self.shared.state().gateway.line(self.application_id).record.violations.push(violation);
        Err(Ended::by_us(4_008))
    }

    async fn acknowledge(&mut self, sequence: &Value) -> Result<(), Ended> {
        if !sequence.is_null() && !sequence.is_u64() {
            return Err(Ended::by_us(4_002));
        }
        self.shared.state().gateway.line(self.application_id).record.heartbeats += 1;
        if self.silent {
            return Ok(());
        }
        self.last_heartbeat = Instant::now();
        self.text("{\"t\":null,\"s\":null,\"op\":11,\"d\":null}".to_owned()).await
    }

    /// What comes of an IDENTIFY or a RESUME.
    async fn enter(&mut self, welcome: Welcome) -> Result<(), Ended> {
        self.application_id = welcome.application_id.unwrap_or(self.application_id);
        self.session = welcome.session.or_else(|| self.session.take());
        match welcome.outcome {
            Outcome::Accepted | Outcome::Fault => {}
            Outcome::InvalidSession(resumable) => return self.say(9, &json!(resumable)).await,
            Outcome::Closed(code) => return Err(Ended::by_us(code)),
        }
        match welcome.fault {
            Some(GatewayFault::Delay(time)) => {
                tokio::time::sleep(time).await;
                self.forward().await
            }
            Some(fault) => {
                if !fault.is_instead() {
                    self.forward().await?;
                }
                self.suffer(fault).await
            }
            None => self.forward().await,
        }
    }

    async fn suffer(&mut self, fault: GatewayFault) -> Result<(), Ended> {
        let session = self.session.clone();
        match fault {
            GatewayFault::Close(code) => {
                if let Some(session) = session.filter(|_| matches!(code, 4_007 | 4_009)) {
                    session.end();
                }
                return Err(Ended::by_us(code));
            }
            GatewayFault::Cut => return Err(Ended::broken()),
            GatewayFault::Reconnect => self.say(7, &Value::Null).await?,
            GatewayFault::InvalidSession(resumable) => {
                if let Some(session) = session.filter(|_| !resumable) {
                    session.end();
                }
                self.session = None;
                self.say(9, &json!(resumable)).await?;
            }
            GatewayFault::Silence => self.silent = true,
            GatewayFault::AskHeartbeat => self.say(1, &Value::Null).await?,
            GatewayFault::CorruptZstd => {
                let noise = Message::Binary(vec![0xff; 64].into());
                self.socket.send(noise).await.map_err(|_| Ended::broken())?;
            }
            GatewayFault::NotJson => self.text("{\"t\":\"MESSAGE_CREATE\",\"s\":".to_owned()).await?,
            GatewayFault::UnknownOp => self.say(99, &json!({"whatever": true})).await?,
            GatewayFault::UnknownEvent => push(session.as_ref(), "SOMETHING_NEW", "{\"id\":\"1\"}"),
            GatewayFault::NonsenseEvent => push(session.as_ref(), "MESSAGE_CREATE", "{\"id\":{\"deep\":[null]}}"),
            GatewayFault::RepeatSequence => {
                for frame in session.iter().flat_map(|session| session.newest(1)) {
                    let message = self.encoding.message(frame);
                    self.socket.send(message).await.map_err(|_| Ended::broken())?;
                }
            }
            GatewayFault::AbsurdSequence => {
                let frame = json!({"t": "TYPING_START", "s": 1_u64 << 53, "op": 0, "d": {}});
                self.text(frame.to_string()).await?;
            }
            GatewayFault::OutOfOrder => self.swap = true,
            GatewayFault::HugeGuild(bytes) => {
                let guild = self.shared.state().huge_guild(self.application_id, bytes);
                push(session.as_ref(), "GUILD_CREATE", &guild.to_string());
            }
            GatewayFault::Delay(time) => tokio::time::sleep(time).await,
            GatewayFault::NoResumeUrl | GatewayFault::Refuse | GatewayFault::HangOnConnect(_) => {}
        }
        Ok(())
    }

    /// Writes down how it ended, and lets go of the session.
    fn leave(&mut self, ended: &Ended) {
        let Ended(by, code) = *ended;
        let mut state = self.shared.state();
        state.gateway.connections.remove(&self.arrival.id);
        if let Some(session) = &self.session {
            session.detach(self.arrival.id);
            // "Close code 1000 or 1001: your session will be invalidated." [Discord Docs/Gateway: Initiating a Disconnect]
            if by == By::Client && matches!(code, Some(1_000 | 1_001)) {
                session.end();
            }
        }
        let session = self.session.as_ref();
        let (session_id, shard) = (session.map(|session| session.id.clone()), session.map(|session| session.shard));
        let closed = Closed { at: Instant::now(), session_id, shard, by, code };
        state.gateway.line(self.application_id).record.closes.push(closed);
    }
}

fn push(session: Option<&Arc<Session>>, event: &str, data: &str) {
    if let Some(session) = session {
        session.push(event, data);
    }
}
