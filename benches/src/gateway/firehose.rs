//! A gateway that only pours: what it says is prepared before anybody listens, so that its own work is one copy into a
//! socket.

use super::frames::{BOT, Writer, dispatch, guild_id};
use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::any;
use bytes::Bytes;
use futures::SinkExt as _;
use std::sync::Arc;
use std::time::Duration;
use tests::server::Server;
use tokio::sync::watch;
use zstd::stream::raw::{Encoder, InBuffer, Operation as _, OutBuffer};

/// Bytes that are gathered before the socket is asked to take them.
const GATHERED: usize = 128 * 1024;

/// Different messages, said again and again with new numbers where nothing is compressed.
const DIFFERENT: u64 = 4_096;

/// Servers among which messages are shared out at most.
const TALKING: u64 = 1_000;

/// What one connection is told.
pub(crate) struct Script {
    hello: Message,
    /// READY and its servers.
    opening: Vec<Message>,
    flood: Flood,
}

enum Flood {
    /// As it is sent.
    Recorded(Vec<Message>),
    /// So many frames with these data in turn; the first one has this number.
    Numbered { data: Vec<String>, first: u64, count: u64 },
}

impl Script {
    /// So many servers, and so many messages of theirs that nobody says to the bot.
    pub(crate) fn new(guilds: u64, count: u64, zstd: bool) -> Result<Self> {
        let mut writer = Writer::new(11);
        let hello = r#"{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250,"_trace":[]}}"#.to_owned();
        let ready = format!(
            r#"{{"v":10,"user":{{"id":"{BOT}","username":"guildhall","discriminator":"0","bot":true,"avatar":null,"verified":true,"mfa_enabled":true,"flags":0}},"session_id":"0123456789abcdef","resume_gateway_url":"ws://127.0.0.1:9","session_type":"normal","shard":[0,1],"guilds":[],"application":{{"id":"{BOT}","flags":0}},"_trace":[]}}"#
        );
        let mut opening = vec![dispatch("READY", 1, &ready)];
        for guild in 0..guilds {
            opening.push(dispatch("GUILD_CREATE", guild + 2, &writer.guild(guild_id(guild))));
        }
        let first = guilds + 2;
        let mut chat = |n: u64| writer.chat(guild_id(n % guilds.min(TALKING)));
        if !zstd {
            let data = (0..DIFFERENT).map(&mut chat).collect();
            let opening = opening.into_iter().map(|text| Message::Text(text.into())).collect();
            return Ok(Self {
                hello: Message::Text(hello.into()),
                opening,
                flood: Flood::Numbered { data, first, count },
            });
        }
        // The level of the stories' gateway; what a client spends hardly depends on it.
        let mut stream = Stream(Encoder::new(1).context("a compressor")?);
        let hello = stream.message(&hello)?;
        let opening = opening.iter().map(|text| stream.message(text)).collect::<Result<_>>()?;
        let flood = (0..count)
            .map(|n| stream.message(&dispatch("MESSAGE_CREATE", first + n, &chat(n))))
            .collect::<Result<_>>()?;
        Ok(Self { hello, opening, flood: Flood::Recorded(flood) })
    }

    /// How many bytes an average message of the flood has.
    pub(crate) fn bytes(&self) -> usize {
        match &self.flood {
            Flood::Recorded(messages) => {
                let bytes = |message: &Message| match message {
                    Message::Text(text) => text.len(),
                    Message::Binary(bytes) => bytes.len(),
                    _ => 0,
                };
                messages.iter().map(bytes).sum::<usize>() / messages.len().max(1)
            }
            Flood::Numbered { data, .. } => data.iter().map(|text| text.len() + 45).sum::<usize>() / data.len().max(1),
        }
    }

    fn count(&self) -> u64 {
        match &self.flood {
            Flood::Recorded(messages) => messages.len() as u64,
            Flood::Numbered { count, .. } => *count,
        }
    }

    fn message(&self, n: u64) -> Message {
        match &self.flood {
            Flood::Recorded(messages) => messages[usize::try_from(n).unwrap_or(usize::MAX)].clone(),
            Flood::Numbered { data, first, .. } => {
                let said = usize::try_from(n % data.len() as u64).unwrap_or_default();
                Message::Text(dispatch("MESSAGE_CREATE", first + n, &data[said]).into())
            }
        }
    }
}

/// One zstd stream, flushed after each frame.
struct Stream(Encoder<'static>);

impl Stream {
    fn message(&mut self, frame: &str) -> Result<Message> {
        let mut compressed = Vec::with_capacity(frame.len() + 256);
        let mut input = InBuffer::around(frame.as_bytes());
        loop {
            compressed.reserve(16 * 1024);
            let written = compressed.len();
            let mut output = OutBuffer::around_pos(&mut compressed, written);
            if input.pos() < frame.len() {
                self.0.run(&mut input, &mut output)?;
            } else if self.0.flush(&mut output)? == 0 {
                return Ok(Message::Binary(Bytes::copy_from_slice(&compressed)));
            }
        }
    }
}

/// How far the connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Closed,
    /// Identified, and told of its servers.
    Open,
    /// Told to pour.
    Pouring,
    /// The socket has taken everything.
    Poured,
}

/// The gateway of one client.
pub(crate) struct Firehose {
    server: Server,
    script: Arc<Script>,
    stage: Arc<watch::Sender<Stage>>,
}

impl Firehose {
    pub(crate) async fn start(script: Arc<Script>) -> Self {
        let stage = Arc::new(watch::channel(Stage::Closed).0);
        let shared = (Arc::clone(&script), Arc::clone(&stage));
        let server = Server::start(Router::new().fallback(any(upgrade)).with_state(shared)).await;
        Self { server, script, stage }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url().replacen("http", "ws", 1)
    }

    /// Waits until the client is there and has been told of its servers.
    pub(crate) async fn is_open(&self) -> Result<()> {
        self.reach(Stage::Open, Duration::from_secs(30)).await
    }

    /// Pours everything; how many messages that was.
    pub(crate) async fn pour(&self) -> Result<u64> {
        self.stage.send_replace(Stage::Pouring);
        self.reach(Stage::Poured, Duration::from_mins(3)).await?;
        Ok(self.script.count())
    }

    async fn reach(&self, stage: Stage, limit: Duration) -> Result<()> {
        let mut now = self.stage.subscribe();
        tokio::time::timeout(limit, now.wait_for(|now| *now >= stage))
            .await
            .with_context(|| format!("the client did not get so far as {stage:?}"))??;
        Ok(())
    }
}

type Shared = (Arc<Script>, Arc<watch::Sender<Stage>>);

async fn upgrade(State((script, stage)): State<Shared>, upgrade: WebSocketUpgrade) -> axum::response::Response {
    upgrade.write_buffer_size(GATHERED).on_upgrade(async move |socket| {
        // Whoever waits for a stage says what was missing.
        let _ = serve(socket, &script, &stage).await;
    })
}

async fn serve(mut socket: WebSocket, script: &Script, stage: &watch::Sender<Stage>) -> Result<()> {
    socket.send(script.hello.clone()).await?;
    hear(&mut socket, 2).await?;
    for message in &script.opening {
        socket.feed(message.clone()).await?;
    }
    socket.flush().await?;
    stage.send_replace(Stage::Open);
    let mut told = stage.subscribe();
    tokio::select! {
        told = told.wait_for(|stage| *stage == Stage::Pouring) => drop(told?),
        heard = hear(&mut socket, u64::MAX) => return heard,
    }
    for n in 0..script.count() {
        socket.feed(script.message(n)).await?;
    }
    socket.flush().await?;
    stage.send_replace(Stage::Poured);
    hear(&mut socket, u64::MAX).await
}

/// Answers heartbeats until this opcode comes.
async fn hear(socket: &mut WebSocket, awaited: u64) -> Result<()> {
    while let Some(message) = socket.recv().await {
        if let Message::Text(text) = message? {
            let command: serde_json::Value = serde_json::from_str(&text)?;
            match command["op"].as_u64() {
                Some(op) if op == awaited => return Ok(()),
                // Twilight reads text on a compressed connection too.
                Some(1) => socket.send(Message::Text(r#"{"t":null,"s":null,"op":11,"d":null}"#.into())).await?,
                _ => {}
            }
        }
    }
    bail!("the client has gone")
}
