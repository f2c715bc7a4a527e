//! The ways in: the WebSocket upgrade, IDENTIFY and RESUME, with Discord's limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{OriginalUri, Query, State as Handed};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use super::connection::{self, Control};
use super::faults::GatewayFault;
use super::record::{Identify, Outcome, Resume};
use super::session::Session;
use super::{Line, intents};
use crate::fake_discord::state::{Shared, State};

/// How a connection came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) id: u64,
    pub(crate) zstd: bool,
    pub(crate) at_resume_url: bool,
    pub(crate) wrong_version: bool,
    pub(crate) hang: Option<Duration>,
}

/// What comes of an IDENTIFY or a RESUME.
pub(crate) struct Welcome {
    pub(crate) outcome: Outcome,
    pub(crate) application_id: Option<u64>,
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) fault: Option<GatewayFault>,
}

impl Welcome {
    fn refused(outcome: Outcome, application_id: Option<u64>) -> Self {
        Self { outcome, application_id, session: None, fault: None }
    }
}

#[derive(Deserialize)]
pub(crate) struct Wish {
    v: Option<u32>,
    encoding: Option<String>,
    compress: Option<String>,
}

/// `GET /?v=10&encoding=json[&compress=zstd-stream]`, and the same below `/resume`.
pub(crate) async fn upgrade(
    Handed(shared): Handed<Arc<Shared>>,
    Query(wish): Query<Wish>,
    OriginalUri(uri): OriginalUri,
    upgrade: WebSocketUpgrade,
) -> Response {
    let zstd = match wish.compress.as_deref() {
        None | Some("") => false,
        Some("zstd-stream") => true,
        Some(_) => return (StatusCode::BAD_REQUEST, "only zstd-stream is spoken here").into_response(),
    };
    if wish.encoding.is_some_and(|encoding| encoding != "json") {
        return (StatusCode::BAD_REQUEST, "only json is spoken here").into_response();
    }
    let cut = Arc::new(Notify::new());
    let (id, hang) = {
        let mut state = shared.state();
        let board = &mut state.gateway;
        let mut hang = None;
        let fault = board.at_the_door.pop_front();
        if board.refuse_until.is_some_and(|until| Instant::now() < until) || fault == Some(GatewayFault::Refuse) {
            return (StatusCode::SERVICE_UNAVAILABLE, "no").into_response();
        }
        if let Some(GatewayFault::HangOnConnect(time)) = fault {
            hang = Some(time);
        }
        board.last_connection += 1;
        board.connections.insert(board.last_connection, Arc::clone(&cut));
        (board.last_connection, hang)
    };
    let at_resume_url = uri.path().starts_with("/resume");
    let arrival = Arrival { id, zstd, at_resume_url, wrong_version: wish.v != Some(10), hang };
    upgrade.write_buffer_size(64 * 1024).on_upgrade(move |socket| connection::serve(socket, shared, arrival, cut))
}

impl Shared {
    /// Discord's checks of an IDENTIFY, and the session that begins when it passes.
    pub(crate) fn identify(&self, arrival: Arrival, control: &mpsc::UnboundedSender<Control>, data: &Value) -> Welcome {
        let mut state = self.state();
        let Some(app) = state.bot_with(&data["token"]) else {
            return Welcome::refused(Outcome::Closed(4_004), None);
        };
        let (intents, shard) = (data["intents"].as_u64(), shard_of(&data["shard"]));
        let guilds = shard.map_or(0, |shard| state.guilds_of(app, shard).len());
        let line = state.gateway.line(app);
        let fault = line.faults.pop_front();
        let refusal = if arrival.wrong_version {
            Some(Outcome::Closed(4_012))
        } else if !data["properties"].is_object() || intents.is_none() {
            Some(Outcome::Closed(4_002))
        } else if shard.is_none() {
            Some(Outcome::Closed(4_010))
        } else if intents.is_some_and(|intents| intents & !intents::ALL != 0) {
            Some(Outcome::Closed(4_013))
        } else if intents.is_some_and(|intents| intents & line.disallowed() != 0) {
            Some(Outcome::Closed(4_014))
        } else if guilds > line.settings.guilds_per_shard {
            Some(Outcome::Closed(4_011))
        } else {
            line.spend(shard.map_or(0, |(id, _)| id))
        };
        let (intents, shard) = (intents.unwrap_or(0), shard.unwrap_or((0, 1)));
        let mut welcome = Welcome::refused(refusal.unwrap_or(Outcome::Accepted), Some(app));
        if refusal.is_none() {
            let instead = fault.as_ref().is_some_and(GatewayFault::is_instead);
            if instead {
                welcome.outcome = Outcome::Fault;
            } else {
                let session = state.begin(app, shard, intents, fault == Some(GatewayFault::NoResumeUrl));
                session.attach(arrival.id, control.clone(), 0);
                welcome.session = Some(session);
            }
            welcome.fault = fault;
        }
        let session_id = welcome.session.as_ref().map(|session| session.id.clone());
        let (at, outcome) = (Instant::now(), welcome.outcome);
        let identify = Identify { at, shard, intents, zstd: arrival.zstd, outcome, session_id };
        state.gateway.line(app).record.identifies.push(identify);
        welcome
    }

    /// Discord's checks of a RESUME, and the replay when it passes.
    pub(crate) fn resume(&self, arrival: Arrival, control: &mpsc::UnboundedSender<Control>, data: &Value) -> Welcome {
        let mut state = self.state();
        let Some(app) = state.bot_with(&data["token"]) else {
            return Welcome::refused(Outcome::Closed(4_004), None);
        };
        let (Some(id), Some(seq)) = (data["session_id"].as_str(), data["seq"].as_u64()) else {
            return Welcome::refused(Outcome::Closed(4_002), Some(app));
        };
        let line = state.gateway.line(app);
        let window = line.settings.resume_window;
        let session = line.sessions.get(id).cloned();
        let fault = line.faults.pop_front();
        let replay = if arrival.wrong_version {
            Err(Outcome::Closed(4_012))
        } else {
            session.as_ref().map_or(Err(Outcome::InvalidSession(false)), |session| session.replayable(seq, window))
        };
        let mut welcome = Welcome::refused(replay.err().unwrap_or(Outcome::Accepted), Some(app));
        if let (Ok(_), Some(session)) = (replay, &session) {
            if fault.as_ref().is_some_and(GatewayFault::is_instead) {
                welcome.outcome = Outcome::Fault;
                if fault == Some(GatewayFault::InvalidSession(false)) {
                    session.end();
                }
            } else {
                session.attach(arrival.id, control.clone(), seq);
                session.resumed();
                welcome.session = Some(Arc::clone(session));
            }
            welcome.fault = fault;
        }
        let resume = Resume {
            at: Instant::now(),
            session_id: id.to_owned(),
            shard: session.map(|session| session.shard),
            seq,
            replayed: replay.unwrap_or(0),
            at_resume_url: arrival.at_resume_url,
            outcome: welcome.outcome,
        };
        state.gateway.line(app).record.resumes.push(resume);
        welcome
    }
}

/// `[id, total]`; without one it is `[0, 1]`. None when Discord would say 4010.
fn shard_of(value: &Value) -> Option<(u64, u64)> {
    if value.is_null() {
        return Some((0, 1));
    }
    let (id, total) = (value[0].as_u64()?, value[1].as_u64()?);
    (id < total && value.as_array()?.len() == 2).then_some((id, total))
}

impl Line {
    /// The privileged intents that the application has not switched on.
    fn disallowed(&self) -> u64 {
        let content = if self.settings.message_content { 0 } else { intents::MESSAGE_CONTENT };
        intents::GUILD_MEMBERS | intents::GUILD_PRESENCES | content
    }

    /// Takes one IDENTIFY from the daily budget and from the shard's bucket; what Discord says when that was not allowed.
    fn spend(&mut self, shard: u64) -> Option<Outcome> {
        let now = Instant::now();
        if now >= self.day_began + self.settings.day {
            (self.day_began, self.spent) = (now, 0);
        }
        if self.spent >= self.settings.total {
            self.record.violations.push("an IDENTIFY beyond the daily budget: Discord resets the token".to_owned());
            return Some(Outcome::Closed(4_004));
        }
        self.spent += 1;
        let bucket = shard % self.settings.max_concurrency.max(1);
        if let Some(before) = self.buckets.get(&bucket)
            && now < *before + self.settings.identify_window
        {
            let early = self.settings.identify_window.saturating_sub(now.duration_since(*before));
            self.record.violations.push(format!("an IDENTIFY of shard {shard} came {early:?} too soon"));
            return Some(Outcome::InvalidSession(false));
        }
        self.buckets.insert(bucket, now);
        None
    }
}

impl State {
    /// A new session: READY, and every guild of its shard.
    fn begin(&mut self, app: u64, shard: (u64, u64), intents: u64, no_resume_url: bool) -> Arc<Session> {
        let id = hex::encode(rand::random::<[u8; 16]>());
        let line = self.gateway.line(app);
        let session = Arc::new(Session::new(id.clone(), shard, intents, line.settings.replay_frames));
        let window = line.settings.resume_window;
        line.sessions.retain(|_, session| !session.is_over(window));
        line.sessions.insert(id.clone(), Arc::clone(&session));
        let flags = line.application_flags();
        let guilds = self.guilds_of(app, shard);
        let mut user = self.bots[&app].user();
        user["verified"] = json!(true);
        user["mfa_enabled"] = json!(true);
        user["flags"] = json!(0);
        let mut ready = json!({
            "v": 10, "user": user, "session_id": id, "resume_gateway_url": format!("{}/resume", self.own_gateway_url),
            "session_type": "normal", "shard": [shard.0, shard.1],
            "guilds": guilds.iter().map(|id| json!({"id": id.to_string(), "unavailable": true})).collect::<Value>(),
            "application": {"id": app.to_string(), "flags": flags},
            "user_settings": {}, "relationships": [], "private_channels": [], "presences": [], "guild_join_requests": [],
            "geo_ordered_rtc_regions": ["rotterdam"], "_trace": ["[\"fake-gateway\",{\"micros\":1}]"],
        });
        if no_resume_url {
            ready.as_object_mut().expect("made above").remove("resume_gateway_url");
        }
        session.push("READY", &ready.to_string());
        if intents & intents::GUILDS != 0 {
            for guild in guilds.into_iter().filter(|id| !self.guilds[id].unavailable) {
                session.push("GUILD_CREATE", &self.guild_create(app, guild).to_string());
            }
        }
        session
    }
}
