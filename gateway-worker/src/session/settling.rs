//! What a session's judge has decided is done here, and what comes of it is taken back.

use super::Session;
use crate::changes::Changes;
use crate::judge::{Found, Lookup};
use crate::lookups;
use guildhall::store::MOST_KEYS;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// Requests for servers' settings that are under way at the same time. A shard's servers all come at once, up to 2,500: what
/// many requests and their connections take of memory is never given back whole.
const ASKED_AT_ONCE: usize = 2;

impl Session {
    /// Takes what the judge has decided, and sees to it that it is done.
    pub(super) fn settle(&mut self) {
        let now = Instant::now();
        if self.is_ready() {
            self.heard_until = now;
        }
        let out = self.judge.poll(if self.is_deaf(now) { self.heard_until } else { now }.into());
        for ticket in out.more {
            self.mark.more(ticket);
        }
        for (tickets, job) in out.jobs {
            self.under_way += 1;
            self.parts.forwarder.submit(tickets, job, self.accepted.clone());
        }
        for ticket in out.done {
            self.mark.done(ticket);
        }
        self.look_up(out.lookups);
        for presence in out.presence {
            tokio::spawn(lookups::note(Arc::clone(&self.parts), presence, Timestamp::now()));
        }
        for (ticket, frame) in out.interactions {
            self.under_way += 1;
            let (parts, accepted) = (Arc::clone(&self.parts), self.accepted.clone());
            tokio::spawn(async move {
                // A panic in there settles it too: it would only panic again.
                let _ = tokio::spawn(lookups::interact(parts, frame)).await;
                let _ = accepted.send(vec![ticket]);
            });
        }
        // Where it does not ask for it, another session begins beside this one, so that nothing is missed meanwhile.
        self.state.wants_content = out.wants_content;
    }

    pub(super) fn look_up(&mut self, lookups: Vec<Lookup>) {
        for lookup in lookups {
            match lookup {
                Lookup::Settings(guild) => self.unasked.push_back(guild),
                lookup => {
                    let (parts, bot) = (Arc::clone(&self.parts), self.judge.bot());
                    self.lookups.spawn(lookups::ask_discord(parts, self.key.application, bot, lookup));
                }
            }
        }
        while self.settings.len() < ASKED_AT_ONCE && !self.unasked.is_empty() {
            let some = self.unasked.drain(..self.unasked.len().min(MOST_KEYS)).collect();
            self.settings.spawn(lookups::settings(Arc::clone(&self.parts), some));
        }
        if self.unasked.is_empty() {
            self.unasked = VecDeque::new();
        }
    }

    pub(super) fn on_found(&mut self, found: Vec<(Lookup, Found)>) {
        for (lookup, found) in found {
            self.judge.found(lookup, found);
        }
    }

    pub(super) fn on_changes(&mut self, changes: Result<Changes, RecvError>) {
        match changes {
            Ok(guilds) => {
                for (guild, known) in guilds.iter() {
                    self.judge.changed(*guild, self.parts.found(Some(known.clone())));
                }
            }
            Err(RecvError::Lagged(_)) => self.judge.doubt_settings(),
            // This worker is ending.
            Err(RecvError::Closed) => {}
        }
    }

    pub(super) fn on_settled(&mut self, tickets: &[u64]) {
        self.under_way = self.under_way.saturating_sub(1);
        for &ticket in tickets {
            self.mark.done(ticket);
        }
    }
}
