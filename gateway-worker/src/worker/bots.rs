//! A worker's bots: their plans, what they ask of Discord, and which of them are gone.

use super::{Served, Worker};
use crate::content;
use crate::identify::IdentifyQueue;
use crate::plan::{self, Planner};
use crate::session::Parts;
use guildhall::store::{Lease, SessionKey, ShardPlan};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// How long sessions and plans of an application that this worker does not know are left alone: another worker may know it
/// already, and Discord keeps no session for so long.
const GONE_AFTER: Duration = Duration::from_mins(10);

/// When Discord is first asked again whether the content of messages may be read: whoever is in the developer portal
/// switches it on now. The pause doubles each time.
const FIRST_ASKED: Duration = Duration::from_secs(5);

/// The longest pause between such requests.
const ASKED_EVERY: Duration = Duration::from_mins(5);

impl Worker {
    /// Takes note of whose sessions and plans are nobody's, and removes plans that long have been.
    pub(super) async fn forget_applications(&mut self, leases: &[Lease], plans: &[ShardPlan], now: Instant) {
        let named = leases.iter().map(|lease| lease.key.application).chain(plans.iter().map(|plan| plan.application));
        let strange: HashSet<_> = named.filter(|application| !self.applications.contains_key(application)).collect();
        self.unknown.retain(|application, _| strange.contains(application));
        for application in strange {
            self.unknown.entry(application).or_insert(now);
        }
        for application in self.gone(now) {
            let is_used = leases.iter().any(|lease| lease.key.application == application);
            if !is_used && let Err(error) = self.store.delete_shard_plan(application).await {
                tracing::warn!(application.id = %application, error = format!("{error:#}"), "the plan of a bot that is gone could not be removed yet");
            }
        }
    }

    pub(super) fn gone(&self, now: Instant) -> HashSet<Id<ApplicationMarker>> {
        let is_gone = |since: &Instant| now.duration_since(*since) >= GONE_AFTER;
        self.unknown.iter().filter(|(_, since)| is_gone(since)).map(|(application, _)| *application).collect()
    }

    /// Sees to it that the content of messages is asked for where a server is set to all messages: by a further generation
    /// of sessions, which begin beside those that are there. Where Discord has refused it, it is asked from time to time
    /// whether an admin has switched it on.
    pub(super) fn ask_for_more(&mut self, now: Instant) {
        for (key, kept) in &self.running {
            let state = kept.running.state.borrow();
            if !state.wants_content || key.reads_content() && !state.content_refused {
                continue;
            }
            let Some(served) = self.applications.get_mut(&key.application) else { continue };
            let Some((plan, _)) = &served.parts else { continue };
            let (at, pause) = served.ask_content;
            if plan.borrow().generation != key.generation || (state.content_refused && now < at) {
                continue;
            }
            if state.content_refused {
                served.ask_content = (now + pause, (pause * 2).min(ASKED_EVERY));
            }
            let (store, discord) = (self.store.clone(), Arc::clone(&self.outside.discord));
            let (key, is_refused) = (*key, state.content_refused);
            tokio::spawn(async move {
                if is_refused && !discord.own(key.application).await.is_ok_and(|own| own.may_read_content()) {
                    return;
                }
                match store.next_generation(key.application, key.generation, true).await {
                    Ok(false) => {}
                    Ok(true) => {
                        tracing::info!(application.id = %key.application, "a server wants all its messages read: sessions that ask for their content are begun");
                    }
                    Err(error) => {
                        tracing::warn!(application.id = %key.application, error = format!("{error:#}"), "sessions that ask for the content of messages could not be planned yet");
                    }
                }
            });
        }
    }

    /// Sees to it that the content of messages is no longer asked for once no server has needed it for some time: again by a
    /// further generation of sessions. Whoever keeps the first of them minds that.
    pub(super) fn ask_for_less(&mut self, leases: &[Lease], now: Instant) {
        for (&application, served) in &mut self.applications {
            let Some((plan, parts)) = &served.parts else { continue };
            let ShardPlan { total, generation, .. } = *plan.borrow();
            let first = SessionKey { application, total, generation, shard: 0 };
            let is_needed =
                leases.iter().any(|lease| lease.key.application == application && lease.state.wants_content);
            if is_needed || !first.reads_content() || !self.running.contains_key(&first) {
                served.needless_since = None;
            } else if now.duration_since(*served.needless_since.get_or_insert(now)) >= self.options.content_kept {
                served.needless_since = None;
                tokio::spawn(content::give_up(Arc::clone(parts), first));
            }
        }
    }

    pub(super) fn serve_applications(&mut self) {
        let wanted = self.options.applications.borrow_and_update().clone();
        self.applications.retain(|id, served| {
            let known = &served.application;
            wanted.iter().any(|new| new.id == *id && new.shards == known.shards && new.revision == known.revision)
        });
        for application in wanted {
            if self.applications.contains_key(&application.id) {
                continue;
            }
            let planner = Planner {
                application: application.id,
                store: self.store.clone(),
                discord: Arc::clone(&self.outside.discord),
                set: application.shards,
                revision: application.revision.clone(),
                worker: self.me.clone(),
                metrics: Arc::clone(&self.metrics),
            };
            let planner = AbortOnDropHandle::new(tokio::spawn(plan::keep(planner)));
            let ask_content = (Instant::now() + FIRST_ASKED, FIRST_ASKED);
            let id = application.id;
            self.applications
                .insert(id, Served { application, ask_content, needless_since: None, parts: None, _planner: planner });
        }
    }

    pub(super) fn follow_plans(&mut self, plans: Vec<ShardPlan>) {
        for plan in plans {
            let Some(served) = self.applications.get_mut(&plan.application) else { continue };
            if let Some((known, _)) = &served.parts {
                known.send_if_modified(|known| *known != plan && std::mem::replace(known, plan.clone()) != plan);
                continue;
            }
            let application = plan.application;
            let (tell, told) = watch::channel(plan);
            let (discord, metrics) = (Arc::clone(&self.outside.discord), Arc::clone(&self.metrics));
            let identify = IdentifyQueue::new(
                application,
                self.store.clone(),
                Arc::clone(&discord),
                told.clone(),
                Arc::clone(&metrics),
            );
            let parts = Parts {
                outside: self.outside.clone(),
                token: served.application.token.clone(),
                revision: served.application.revision.clone(),
                account: served.application.account.clone(),
                plan: told,
                identify,
                forwarder: self.forwarder.clone(),
                metrics,
                news: Arc::clone(&self.news),
                changes: self.changes.clone(),
            };
            served.parts = Some((tell, Arc::new(parts)));
        }
    }
}
