//! Discord as Guildhall meets it: the REST API with its rules, signed interactions from members, and what a person sees.
//!
//! One value is one Discord with one application, one server and one channel to begin with. It runs on a loopback port and
//! keeps everything that happened until it is dropped.

mod answers; // an interaction's first answer, and the life of its token
mod books; // messages: posting, editing, deleting
mod commands; // application commands: checks and bulk overwrite
mod delivery; // interactions on their way to a webhook
mod draft; // what Discord accepts as a message
mod error; // Discord's error bodies
mod gate; // token, limits, faults and the record, before every endpoint
mod gateway; // WebSockets: sessions, dispatch, replay, faults
#[cfg(test)]
mod gateway_tests; // twilight as a gateway client
mod happenings; // servers, roles, channels and threads come and go
mod ids; // snowflakes, tokens, times
mod limits; // rate limits and planned faults
mod member; // people who ask, click, and see
mod message; // what a message shows; pings and previews
mod oauth; // people sign in elsewhere
mod places; // servers, roles, channels, threads
mod reading; // what people see in channels
mod rest; // the REST API
mod signing; // Ed25519 over timestamp and body
mod speaking; // people write in channels
mod state; // what it remembers
#[cfg(test)]
mod tests; // twilight as a client, and a small webhook as an application

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use serde_json::Value;

pub use self::delivery::{Interaction, Sent};
pub use self::gateway::{By, Closed, Gateway, GatewayFault, GatewayRecord, GatewaySettings, Identify, Outcome, Resume};
pub use self::ids::snowflake;
pub use self::limits::Fault;
use self::limits::Planned;
pub use self::member::Member;
pub use self::message::{Button, would_ping, would_unfurl};
pub use self::places::Denied;
pub use self::signing::SignedRequest;
pub use self::speaking::Saying;
use self::state::{Answer, Shared, State};
pub use self::state::{Bother, Expiry, Request};
use crate::server::{self, Server};

/// A Discord on loopback. Clones are the same Discord.
#[derive(Debug, Clone)]
pub struct FakeDiscord {
    shared: Arc<Shared>,
    server: Arc<Server>,
    client: reqwest::Client,
    _lines: Arc<Lines>,
}

/// Ends every gateway connection when the Discord goes away.
#[derive(Debug)]
struct Lines(Arc<Shared>);

impl Drop for Lines {
    fn drop(&mut self) {
        self.0.state().gateway.hang_up();
    }
}

/// One message as the person sees it for whom it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The message's id.
    pub id: u64,
    /// Its words: the content, then text displays.
    pub content: String,
    /// "… is thinking": nothing has come yet.
    pub thinking: bool,
    /// Only the person who asked sees it.
    pub ephemeral: bool,
    /// Its buttons in reading order.
    pub buttons: Vec<Button>,
    /// It is marked "(edited)".
    pub edited: bool,
    /// Who wrote it.
    pub author: String,
    /// The message it replies to.
    pub replies_to: Option<u64>,
    /// The channel or thread it is in.
    pub channel_id: u64,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.ephemeral {
            f.write_str("(only you can see this) ")?;
        }
        f.write_str(if self.thinking { "thinking…" } else { &self.content })?;
        for (at, button) in self.buttons.iter().enumerate() {
            write!(f, "{}[{}]", if at == 0 { "\n" } else { " " }, button.label)?;
        }
        Ok(())
    }
}

impl FakeDiscord {
    /// Starts a Discord with one server and one channel, in which nothing was said yet.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::new());
        let server = Server::start(rest::router(Arc::clone(&shared))).await;
        let url = server.url().replacen("http", "ws", 1);
        {
            let mut state = shared.state();
            state.own_gateway_url.clone_from(&url);
            state.gateway_url = url;
        }
        let lines = Arc::new(Lines(Arc::clone(&shared)));
        Self { shared, server: Arc::new(server), client: server::client(), _lines: lines }
    }

    /// What `DISCORD_API_URL` is set to; the API is under `/api/v10`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The `DISCORD_*` variables that point Guildhall here.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("DISCORD_API_URL", self.url()),
            ("DISCORD_TOKEN", self.token().to_owned()),
            ("DISCORD_APPLICATION_ID", self.application_id().to_string()),
            ("DISCORD_PUBLIC_KEY", self.public_key_hex()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The application's id, which is its bot's user id too.
    pub fn application_id(&self) -> u64 {
        self.shared.application_id
    }

    /// The bot's token, without `Bot `.
    pub fn token(&self) -> &str {
        &self.shared.token
    }

    /// The key with which this Discord's signatures are checked.
    pub fn public_key_hex(&self) -> String {
        hex::encode(self.shared.key.verifying_key().as_bytes())
    }

    /// The key with which another application's signatures are checked.
    ///
    /// # Panics
    /// When there is no such application.
    pub fn public_key_of(&self, application_id: u64) -> String {
        hex::encode(self.shared.state().bots[&application_id].key.verifying_key().as_bytes())
    }

    /// The server that was there from the start.
    pub fn guild_id(&self) -> u64 {
        *self.shared.state().guilds.keys().next().expect("one from the start")
    }

    /// The channel that was there from the start.
    pub fn channel_id(&self) -> u64 {
        *self.shared.state().channels.keys().next().expect("one from the start")
    }

    /// Makes `GET /gateway/bot` name another gateway.
    pub fn set_gateway_url(&self, url: &str) {
        url.clone_into(&mut self.shared.state().gateway_url);
    }

    /// The next `times` requests of any kind meet this fault.
    pub fn next(&self, times: usize, fault: Fault) {
        self.plan(None, "/", times, fault);
    }

    /// The next `times` requests with this method whose path below `/api/v10` starts with `prefix` meet this fault.
    /// Faults for one request apply in the order in which they were planned.
    pub fn next_on(&self, method: &Method, prefix: &str, times: usize, fault: Fault) {
        self.plan(Some(method.clone()), prefix, times, fault);
    }

    fn plan(&self, method: Option<Method>, prefix: &str, left: usize, fault: Fault) {
        self.shared.state().planned.push(Planned { method, prefix: prefix.to_owned(), left, fault });
    }

    /// Forgets the faults that have not happened yet.
    pub fn no_more_faults(&self) {
        self.shared.state().planned.clear();
    }

    /// Lets every rate limit be infinite, for benches. Planned [`Fault::RateLimited`] still happen.
    pub fn without_rate_limits(&self) {
        self.shared.state().limits.off = true;
    }

    /// Requests that came although a 429 had told the client to wait. Zero, always.
    pub fn violations(&self) -> usize {
        self.shared.state().limits.violations
    }

    /// Requests that came although the bucket's last answer had said `X-RateLimit-Remaining: 0`, and so got a 429.
    pub fn overruns(&self) -> usize {
        self.shared.state().limits.overruns
    }

    /// Edits and follow-ups that came before the first answer had arrived here; they got 404 with code 10015, as from Discord.
    pub fn early_edits(&self) -> usize {
        self.shared.state().early_edits
    }

    /// Makes an interaction's token stop working in this way.
    pub fn expire(&self, interaction: &Interaction, how: Expiry) {
        if let Some(found) = self.shared.state().interactions.get_mut(&interaction.token) {
            found.expired = Some(how);
        }
    }

    /// Every request so far, in the order in which they were answered.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// The first application's registered commands, as Discord would show them.
    pub fn commands(&self) -> Vec<Value> {
        self.commands_of(self.application_id())
    }

    /// Another application's.
    pub fn commands_of(&self, application_id: u64) -> Vec<Value> {
        self.shared.state().commands.get(&application_id).cloned().unwrap_or_default()
    }

    /// How often any commands were overwritten.
    pub fn command_writes(&self) -> usize {
        self.shared.state().command_writes
    }

    /// Channels in which the bot showed that it types, once per time.
    pub fn typing(&self) -> Vec<u64> {
        self.shared.state().typing.clone()
    }

    /// Everybody whom a message of the bot's would have notified, over all its versions.
    pub fn pings(&self) -> Vec<Bother> {
        self.shared.state().pings.clone()
    }

    /// Every link of the bot's that would have unfolded into a preview.
    pub fn unfurls(&self) -> Vec<Bother> {
        self.shared.state().unfurls.clone()
    }

    /// A person in the first channel who speaks American English.
    pub fn member(&self, name: &str) -> Member {
        Member::new(self.clone(), name)
    }

    /// What is visible of the answer to this interaction now: the original, then follow-ups. Looking at it counts.
    pub fn reply_to(&self, interaction: &Interaction) -> Vec<Seen> {
        let mut state = self.shared.state();
        let Some(found) = state.interactions.get_mut(&interaction.token) else {
            return Vec::new();
        };
        found.looked_at_failure = true;
        let original = match found.answer {
            Answer::Original(id) => Some(id),
            _ => None,
        };
        let ids: Vec<u64> = original.into_iter().chain(found.follow_ups.iter().copied()).collect();
        ids.into_iter().filter_map(|id| state.look_at(id)).collect()
    }

    /// What the interaction was answered with first: the whole response, for choices, forms and the like. Null before.
    pub fn first_answer_to(&self, interaction: &Interaction) -> Value {
        let state = self.shared.state();
        state.interactions.get(&interaction.token).map_or(Value::Null, |found| found.answer_body.clone())
    }

    /// Waits until something other than "thinking…" is there, and looks at it.
    ///
    /// # Panics
    /// When nothing came within `limit`, or the interaction failed.
    #[track_caller]
    pub fn wait_for_reply(
        &self,
        interaction: &Interaction,
        limit: Duration,
    ) -> impl Future<Output = Vec<Seen>> + use<> {
        let caller = std::panic::Location::caller();
        let (discord, token) = (self.clone(), interaction.token.clone());
        let interaction = interaction.clone();
        async move {
            let wait = async {
                loop {
                    let changed =
                        discord.shared.state().interactions.get(&token).map(|found| Arc::clone(&found.changed));
                    let changed = changed.expect("this Discord sent the interaction");
                    let notified = changed.notified();
                    tokio::pin!(notified);
                    notified.as_mut().enable();
                    if discord.is_answered(&token) {
                        return;
                    }
                    notified.await;
                }
            };
            let came = tokio::time::timeout(limit, wait).await.is_ok();
            let there = discord.reply_to(&interaction);
            assert!(came, "{caller}: no reply within {limit:?}; there is {there:?}");
            let failure = discord.shared.state().interactions[&token].failure.clone();
            assert!(failure.is_none(), "{caller}: the interaction failed: {}", failure.unwrap_or_default());
            there
        }
    }

    fn is_answered(&self, token: &str) -> bool {
        let state = self.shared.state();
        let Some(found) = state.interactions.get(token) else { return false };
        match found.answer {
            // What is said after “thinking…” was taken away is the answer.
            Answer::Original(id) if state.messages[&id].deleted => !found.follow_ups.is_empty(),
            Answer::Original(id) => state.messages[&id].flags & message::LOADING == 0,
            Answer::NoMessage | Answer::Failed => true,
            Answer::Awaited => false,
        }
    }

    /// The visible messages of a channel, oldest first. Looking at them counts.
    pub fn channel(&self, channel_id: u64) -> Vec<Seen> {
        let mut state = self.shared.state();
        let in_channel = |message: &&state::Message| message.channel_id == channel_id && message.only_for.is_none();
        let ids: Vec<u64> = state.messages.values().filter(in_channel).map(|message| message.id).collect();
        ids.into_iter().filter_map(|id| state.look_at(id)).collect()
    }

    /// A message as the API shows it, or nothing when it is not there or was deleted.
    pub fn message(&self, id: u64) -> Option<Value> {
        let state = self.shared.state();
        state.messages.get(&id).filter(|message| !message.deleted).map(|message| state.shown(message.id))
    }

    /// What happened and no test looked at: sends, edits, deletions, and interactions that failed.
    pub fn unseen(&self) -> Vec<String> {
        let state = self.shared.state();
        let messages =
            state.messages.values().filter(|message| message.from_bot && message.unseen > 0).map(|message| {
                let what = if message.deleted { "deleted" } else { "sent or edited" };
                format!(
                    "{what} in channel {}: {:?}",
                    message.channel_id,
                    message::words(&message.content, &message.components)
                )
            });
        let failures = state.interactions.values().filter(|found| !found.looked_at_failure).filter_map(|found| {
            found.failure.as_ref().map(|why| format!("an interaction of {} failed: {why}", found.member))
        });
        messages.chain(failures).collect()
    }

    /// Nothing was sent, edited or deleted that the story did not look at, nobody was pinged, no link unfolded, and no request
    /// came while the client had been told to wait.
    ///
    /// # Panics
    /// When something was; the message lists it.
    #[track_caller]
    pub fn is_quiet(&self) {
        let unseen = self.unseen();
        assert!(unseen.is_empty(), "nobody looked at this:\n{}", unseen.join("\n"));
        assert_eq!(self.pings(), [], "somebody would have been pinged");
        assert_eq!(self.unfurls(), [], "links would have unfolded into previews");
        assert_eq!(self.violations(), 0, "requests came while Discord had said to wait");
    }
}

impl State {
    /// The fault that is planned for this request, counted down.
    fn next_fault(&mut self, method: &Method, path: &str) -> Option<Fault> {
        let fits = |planned: &Planned| {
            planned.method.as_ref().is_none_or(|wanted| wanted == method) && path.starts_with(&planned.prefix)
        };
        let at = self.planned.iter().position(fits)?;
        self.planned[at].left = self.planned[at].left.saturating_sub(1);
        let fault = self.planned[at].fault.clone();
        if self.planned[at].left == 0 {
            self.planned.remove(at);
        }
        Some(fault)
    }

    fn look_at(&mut self, id: u64) -> Option<Seen> {
        let message = self.messages.get_mut(&id)?;
        message.unseen = 0;
        (!message.deleted).then(|| Seen {
            id,
            content: message::words(&message.content, &message.components),
            thinking: message.flags & message::LOADING != 0,
            ephemeral: message.only_for.is_some(),
            buttons: message::buttons(&message.components),
            edited: message.edited.is_some(),
            author: message.author["username"].as_str().unwrap_or_default().to_owned(),
            replies_to: message.reference,
            channel_id: message.channel_id,
        })
    }
}
