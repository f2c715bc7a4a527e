use super::*;
use crate::decide::Verdict;
use guildhall::ids::{AccountId, ConversationId};
use guildhall::job::Notice;
use guildhall::question::{Heard, Place, Question, ReplyTo};
use guildhall::settings::GuildSettings;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

const GUILD: Id<GuildMarker> = Id::new(10);

/// Half an hour after the judge began.
const LATER_MS: u32 = 1_800_000;

struct World {
    judge: Judge,
    began: Instant,
    started_ms: u64,
    seq: u64,
}

impl World {
    fn new() -> Self {
        let (began, started): (_, Timestamp) = (Instant::now(), "2026-11-24T10:00:00Z".parse().unwrap());
        let judge = Judge::new(Id::new(50), Options { started, began });
        let started_ms = u64::try_from(started.as_millisecond()).unwrap() - 1_420_070_400_000;
        Self { judge, began, started_ms, seq: 0 }
    }

    fn with(settings: GuildSettings) -> Self {
        let mut world = Self::new();
        world.frame("GUILD_CREATE", json!({"id": "10", "roles": [{"id": "9", "tags": {"bot_id": "50"}}]}));
        assert_eq!(world.outputs(0).lookups, [Lookup::Settings(GUILD)]);
        world.judge.found(Lookup::Settings(GUILD), Found::Settings(Some(guild(settings))));
        world.outputs(0);
        world
    }

    /// The id of a message so many milliseconds after the start.
    fn id(&self, ms: i64) -> u64 {
        (self.started_ms.checked_add_signed(ms).unwrap() << 22) | 1
    }

    fn now(&self, ms: u64) -> Instant {
        self.began + Duration::from_millis(ms)
    }

    fn frame(&mut self, kind: &str, data: Value) -> u64 {
        self.frame_at(0, kind, data)
    }

    #[expect(clippy::needless_pass_by_value, reason = "written on the spot by each test")]
    fn frame_at(&mut self, ms: u64, kind: &str, data: Value) -> u64 {
        self.seq += 1;
        let text = json!({"t": kind, "s": self.seq, "op": 0, "d": data}).to_string();
        self.judge.on_frame(&text, kind, self.seq, self.now(ms));
        self.seq
    }

    fn message(&self, ms: i64, content: &str) -> Value {
        let mentions =
            if content.contains("<@50>") { json!([{"id": "50", "username": "guildhall"}]) } else { json!([]) };
        json!({
            "id": self.id(ms).to_string(), "channel_id": "20", "guild_id": "10", "type": 0, "content": content,
            "author": {"id": "40", "username": "ann"}, "member": {"roles": ["7"], "nick": "Ann"}, "mentions": mentions,
            "mention_roles": [],
        })
    }

    /// Ann says something, now.
    fn says(&mut self, ms: u32, content: &str) -> u64 {
        let message = self.message(ms.into(), content);
        self.frame_at(ms.into(), "MESSAGE_CREATE", message)
    }

    fn outputs(&mut self, ms: u64) -> Outputs {
        let now = self.now(ms);
        self.judge.poll(now)
    }
}

fn guild(settings: GuildSettings) -> Guild {
    Guild { settings, ..Guild::new(GUILD, AccountId::local()) }
}

fn mode(response_mode: ResponseMode) -> GuildSettings {
    GuildSettings { response_mode, ..GuildSettings::default() }
}

const SMART: ResponseMode = ResponseMode::AllMessages { smart: true, channel_context: false };

/// The jobs, which are all questions.
fn questions(outputs: &Outputs) -> Vec<(Vec<u64>, &Question)> {
    let mut found = Vec::new();
    for (seqs, job) in &outputs.jobs {
        let Job::Answer(question) = job else { panic!("{job:?} is no question") };
        found.push((seqs.clone(), &**question));
    }
    found
}

#[test]
fn a_mention_becomes_a_job_at_once() {
    let mut world = World::with(GuildSettings::default());
    let chatter = world.says(0, "nice weather");
    let seq = world.says(5_000, "<@50> How long is the warranty?");
    let outputs = world.outputs(5_000);
    assert_eq!(outputs.done, [chatter]);
    let [(seqs, question)] = &*questions(&outputs) else { panic!("{outputs:?}") };
    assert_eq!(
        (seqs.as_slice(), &*question.text, &*question.asker),
        ([seq].as_slice(), "How long is the warranty?", "Ann")
    );
    assert_eq!(question.id.0, world.id(5_000));
    assert_eq!(question.asked_at, "2026-11-24T10:00:05Z".parse().unwrap());
    assert_eq!(question.conversation, ConversationId::of_person(20, 40));
    assert_eq!((&question.place, question.heard), (&Place::Guild(GUILD), Heard::Directly));
    let ReplyTo::Message { channel_id, is_thread: false, .. } = question.reply_to else { panic!("{question:?}") };
    assert_eq!(channel_id.get(), 20);
    assert_eq!(world.judge.counts(), Counts { dropped: 1, questions: 1, ..Counts::default() });
}

#[test]
fn a_burst_is_one_question_whose_frames_settle_together() {
    let mut world = World::with(GuildSettings::default());
    let first = world.says(0, "<@50>");
    let second = world.says(1_000, "how long is the warranty");
    assert_eq!(world.outputs(1_000), Outputs::default());
    assert!(world.judge.next_wake().is_some());
    let outputs = world.outputs(3_000);
    let [(seqs, question)] = &*questions(&outputs) else { panic!("{outputs:?}") };
    assert_eq!((seqs.as_slice(), &*question.text), ([first, second].as_slice(), "how long is the warranty"));
    assert_eq!(question.messages.len(), 2);
    assert!(matches!(question.reply_to, ReplyTo::Message { message_id, .. } if message_id.get() == world.id(1_000)));
}

#[test]
fn in_private_everything_is_a_question() {
    let mut world = World::new();
    let mut message = world.message(0, "How long is the warranty?");
    message.as_object_mut().unwrap().remove("guild_id");
    world.frame("MESSAGE_CREATE", message);
    let outputs = world.outputs(0);
    assert_eq!(questions(&outputs)[0].1.place, Place::DirectMessage);
    assert!(outputs.lookups.is_empty());
}

/// After a resume in a new process nothing is known: what must be is looked up, and nothing overtakes.
#[test]
fn frames_wait_in_order_for_what_is_unknown() {
    let mut world = World::new();
    let first = world.says(0, "<@50> one?");
    let mut role = world.message(10, "<@&9> two?");
    role["mention_roles"] = json!(["9"]);
    let second = world.frame("MESSAGE_CREATE", role);
    let third = world.says(20, "<@50> three?");
    let gone =
        world.frame("MESSAGE_DELETE", json!({"id": world.id(20).to_string(), "channel_id": "20", "guild_id": "10"}));
    assert_eq!(world.outputs(0), Outputs { lookups: vec![Lookup::Settings(GUILD)], ..Outputs::default() });
    world.judge.found(Lookup::Settings(GUILD), Found::Settings(None));
    let outputs = world.outputs(0);
    assert_eq!((outputs.jobs.len(), &*outputs.lookups), (0, [Lookup::Locale(GUILD)].as_slice()));
    world.judge.found(Lookup::Locale(GUILD), Found::Locale(None));
    let outputs = world.outputs(0);
    assert_eq!(outputs.lookups, [Lookup::OwnRole(GUILD)]);
    assert_eq!(questions(&outputs).iter().map(|(seqs, _)| seqs[0]).collect::<Vec<_>>(), [first]);
    world.judge.found(Lookup::OwnRole(GUILD), Found::OwnRole(Some(Id::new(9))));
    let outputs = world.outputs(0);
    let seqs: Vec<u64> = outputs.jobs.iter().map(|(seqs, _)| seqs[0]).collect();
    assert_eq!(seqs, [second, third, gone]);
    assert!(matches!(outputs.jobs[2].1, Job::Deleted { .. }));
    assert_eq!((world.judge.held.len(), world.judge.held_bytes), (0, 0));
}

#[test]
fn a_change_of_settings_overtakes_an_older_lookup() {
    let mut world = World::new();
    world.says(0, "<@50> one?");
    world.outputs(0);
    world.judge.changed(GUILD, Found::Settings(Some(guild(mode(ResponseMode::Command)))));
    world.judge.found(Lookup::Settings(GUILD), Found::Settings(None));
    let outputs = world.outputs(0);
    assert_eq!((outputs.jobs.len(), outputs.done.len()), (0, 1));
    world.judge.changed(GUILD, Found::Settings(Some(guild(mode(SMART)))));
    assert!(world.outputs(0).wants_content);
    world.judge.changed(Id::new(99), Found::Settings(Some(guild(mode(SMART)))));
    assert!(!world.judge.guilds.contains(Id::new(99)), "somebody else's server");
}

#[test]
fn everything_said_is_heard_where_all_messages_are_read() {
    let smart = ResponseMode::AllMessages { smart: true, channel_context: true };
    let mut world = World::with(mode(smart));
    world.says(0, "lol");
    world.says(10_000, "how long is the warranty");
    let outputs = world.outputs(60_000);
    let [(_, Job::Remember(_)), (_, Job::Answer(question))] = &*outputs.jobs else { panic!("{outputs:?}") };
    assert_eq!((question.heard, &question.conversation), (Heard::InPassingSmart, &ConversationId::of_channel(20)));
}

#[test]
fn who_asks_too_often_is_told_once() {
    let mut world = World::with(GuildSettings { cooldown_seconds: 30, ..GuildSettings::default() });
    for ms in [0, 5_000, 10_000] {
        world.says(ms, "<@50> How long is the warranty?");
    }
    let outputs = world.outputs(10_000);
    assert_eq!((outputs.jobs.len(), outputs.done.len(), outputs.more.len()), (2, 2, 1));
    let Job::Notify(notify) = &outputs.jobs[1].1 else { panic!("{outputs:?}") };
    assert_eq!(notify.notice, Notice::Cooldown { seconds: 30 });
}

#[test]
fn the_bot_speaks_its_servers_language() {
    let mut world = World::with(GuildSettings { cooldown_seconds: 30, ..GuildSettings::default() });
    let locales = |outputs: &Outputs| -> Vec<Option<String>> {
        let of = |job: &Job| match job {
            Job::Answer(question) => question.locale.clone(),
            Job::Notify(notify) => notify.locale.clone(),
            _ => panic!("{job:?} is neither"),
        };
        outputs.jobs.iter().map(|(_, job)| of(job)).collect()
    };
    world.frame("GUILD_UPDATE", json!({"id": "10", "preferred_locale": "fr"}));
    for ms in [0, 5_000] {
        world.says(ms, "<@50> ok?");
    }
    assert_eq!(locales(&world.outputs(5_000)), [Some("fr".to_owned()), Some("fr".to_owned())]);
    world.frame("GUILD_UPDATE", json!({"id": "10", "preferred_locale": "tlh"}));
    world.frame("GUILD_CREATE", json!({"id": "11", "preferred_locale": "de"}));
    assert_eq!(world.judge.guilds.locale(Id::new(11)).flatten().map(Locale::name), Some("de"));
    world.says(60_000, "<@50> ok?");
    assert_eq!(locales(&world.outputs(60_000)), [None]);
}

/// After a resume nobody says which one it is.
#[test]
fn the_first_question_waits_for_a_language_that_is_not_known() {
    let mut world = World::new();
    world.says(0, "<@50> ok?");
    assert_eq!(world.outputs(0).lookups, [Lookup::Settings(GUILD)]);
    world.judge.found(Lookup::Settings(GUILD), Found::Settings(None));
    let outputs = world.outputs(0);
    assert_eq!((outputs.jobs.len(), &*outputs.lookups), (0, [Lookup::Locale(GUILD)].as_slice()));
    // Discord cannot be asked: it is answered without, and the next one asks again.
    world.judge.found(Lookup::Locale(GUILD), Found::Unknown);
    let outputs = world.outputs(0);
    assert_eq!((questions(&outputs)[0].1.locale.as_deref(), outputs.lookups.len()), (None, 0));
    world.says(9_000, "nice weather");
    assert_eq!(world.outputs(9_000).lookups, [], "nobody asks anything");
    world.says(18_000, "<@50> and now?");
    assert_eq!(world.outputs(18_000).lookups, [Lookup::Locale(GUILD)]);
    world.judge.found(Lookup::Locale(GUILD), Found::Locale(Locale::named("fr")));
    let outputs = world.outputs(18_000);
    assert_eq!((questions(&outputs)[0].1.locale.as_deref(), outputs.lookups.len()), (Some("fr"), 0));
}

#[test]
fn changes_of_questions_are_passed_on() {
    let mut world = World::with(GuildSettings::default());
    world.says(LATER_MS, "<@50> How long is the waranty?");
    world.says(LATER_MS + 9_000, "nothing");
    world.outputs(u64::from(LATER_MS));
    let edit = |world: &mut World, ms: i64, content: &str, edited: Value| {
        let mut message = world.message(ms, content);
        message["edited_timestamp"] = edited;
        world.frame_at(u64::from(LATER_MS) + 10_000, "MESSAGE_UPDATE", message);
        world.outputs(u64::from(LATER_MS) + 10_000).jobs
    };
    let later = i64::from(LATER_MS);
    let at = json!("2026-11-24T10:30:10Z");
    assert!(edit(&mut world, later, "<@50> How long is the warranty?", Value::Null).is_empty(), "a preview");
    let jobs = edit(&mut world, later, "<@50> How long is the warranty?", at.clone());
    assert!(matches!(&jobs[..], [(_, Job::Edited { text, .. })] if text == "How long is the warranty?"));
    assert!(edit(&mut world, later, "<@50> How long is the warranty?", at.clone()).is_empty(), "the same words");
    let jobs = edit(&mut world, later + 9_000, "<@50> Is it waterproof?", at.clone());
    assert!(matches!(&jobs[..], [(_, Job::Answer(_))]), "asked by the change: {jobs:?}");
    assert!(edit(&mut world, 1_000, "<@50> Is it old?", at.clone()).is_empty(), "half an hour ago");
    let data = json!({"ids": [world.id(later).to_string(), world.id(later + 9_000).to_string(), "77"], "channel_id": "20", "guild_id": "10"});
    let seq = world.frame_at(u64::from(LATER_MS) + 11_000, "MESSAGE_DELETE_BULK", data);
    let outputs = world.outputs(u64::from(LATER_MS) + 11_000);
    assert!(outputs.jobs.iter().all(|(_, job)| matches!(job, Job::Deleted { .. })));
    assert_eq!(outputs.jobs.iter().map(|(seqs, _)| seqs.clone()).collect::<Vec<_>>(), [[seq], [seq]]);
    assert_eq!(outputs.more, [seq]);
}

/// Whichever of a frame's jobs is accepted last: until then a crash brings all of them back.
#[test]
fn a_frame_is_settled_with_all_of_its_jobs() {
    let mut world = World::with(GuildSettings::default());
    for ms in [0, 9_000, 18_000] {
        world.says(ms, "<@50> How long is the warranty?");
    }
    world.outputs(18_000);
    let ids: Vec<String> = [0, 9_000, 18_000].map(|ms| world.id(ms).to_string()).to_vec();
    let data = json!({"ids": ids, "channel_id": "20", "guild_id": "10"});
    let seq = world.frame_at(19_000, "MESSAGE_DELETE_BULK", data);
    let outputs = world.outputs(19_000);
    let mut mark = crate::watermark::Watermark::resumed_at(seq - 1);
    mark.see(seq);
    for &seq in &outputs.more {
        mark.more(seq);
    }
    let accepted: Vec<u64> = outputs.jobs.iter().rev().flat_map(|(seqs, _)| seqs.clone()).collect();
    assert_eq!(accepted, [seq, seq, seq]);
    for seq in accepted {
        assert_eq!(mark.storable(), seq - 1);
        mark.done(seq);
    }
    assert_eq!(mark.storable(), seq);
}

/// Discord's REST API is out: who waits is judged without, and the next one asks again.
#[test]
fn what_discord_could_not_be_asked_is_asked_again() {
    let in_threads = GuildSettings { answer_in_thread: true, ..GuildSettings::default() };
    let mut world = World::new();
    world.judge.changed(GUILD, Found::Settings(None));
    let role = |world: &mut World, ms: u32| {
        let mut message = world.message(ms.into(), "<@&9> How long is the warranty?");
        message["mention_roles"] = json!(["9"]);
        world.frame_at(ms.into(), "MESSAGE_CREATE", message)
    };
    let settle = |world: &mut World, lookup: Lookup, found: Found| {
        world.judge.found(lookup, found);
        world.outputs(0)
    };
    world.says(0, "<@50> one?");
    world.outputs(0);
    settle(&mut world, Lookup::Settings(GUILD), Found::Settings(None));
    settle(&mut world, Lookup::Locale(GUILD), Found::Locale(None));
    let waits = [role(&mut world, 10), role(&mut world, 20)];
    assert_eq!(world.outputs(20).lookups, [Lookup::OwnRole(GUILD)]);
    let outputs = settle(&mut world, Lookup::OwnRole(GUILD), Found::Unknown);
    assert_eq!((outputs.done.as_slice(), outputs.lookups.len()), (waits.as_slice(), 0));
    role(&mut world, 30);
    assert_eq!(world.outputs(30).lookups, [Lookup::OwnRole(GUILD)], "it was not taken for no role");
    let outputs = settle(&mut world, Lookup::OwnRole(GUILD), Found::OwnRole(Some(Id::new(9))));
    assert_eq!(questions(&outputs).len(), 1);
    // The same for a thread of the bot's own.
    world.judge.changed(GUILD, Found::Settings(Some(guild(in_threads))));
    let thread = Lookup::Channel { guild: GUILD, channel: Id::new(20) };
    let waits = world.says(9_000, "How long?");
    assert_eq!(world.outputs(9_000).lookups, [thread]);
    assert_eq!(settle(&mut world, thread, Found::Unknown).done, [waits]);
    world.says(18_000, "How long is the warranty?");
    assert_eq!(world.outputs(18_000).lookups, [thread]);
    let own = Spot::Thread { parent: Some(Id::new(21)), own: true };
    assert_eq!(questions(&settle(&mut world, thread, Found::Channel(own))).len(), 1);
}

/// Not with default settings either: an admin may have told the bot to be silent.
#[test]
fn a_server_whose_settings_cannot_be_read_is_left_alone() {
    let mut world = World::new();
    let waits = world.says(0, "<@50> How long is the warranty?");
    assert_eq!(world.outputs(0).lookups, [Lookup::Settings(GUILD)]);
    world.judge.found(Lookup::Settings(GUILD), Found::Unknown);
    let outputs = world.outputs(0);
    assert!(outputs.done == [waits] && outputs.jobs.is_empty() && outputs.lookups.is_empty());
    world.judge.changed(GUILD, Found::Settings(Some(guild(GuildSettings::default()))));
    world.says(9_000, "<@50> How long is the warranty?");
    assert_eq!(world.outputs(9_000).lookups, [Lookup::Locale(GUILD)]);
    world.judge.found(Lookup::Locale(GUILD), Found::Locale(None));
    assert_eq!(questions(&world.outputs(9_000)).len(), 1);
    world.judge.changed(GUILD, Found::Unknown);
    world.says(18_000, "<@50> How long is the warranty?");
    assert!(world.outputs(18_000).jobs.is_empty(), "set by a newer version meanwhile");
}

/// Remarks: the message and its words, and the frame.
fn remarks(outputs: &Outputs) -> Vec<(Vec<u64>, u64, String)> {
    let remark = |(seqs, job): &(Vec<u64>, Job)| match job {
        Job::Remember(remark) => Some((seqs.clone(), remark.said.id.get(), remark.said.text.clone())),
        _ => None,
    };
    outputs.jobs.iter().filter_map(remark).collect()
}

#[test]
fn where_a_channel_is_one_conversation_everything_said_is_remembered() {
    let access = |deny: u64| guildhall::settings::Access { deny: [Id::new(deny)].into(), ..Default::default() };
    let mut world = World::with(GuildSettings {
        channels: access(21),
        roles: access(8),
        cooldown_seconds: 30,
        ..mode(ResponseMode::AllMessages { smart: true, channel_context: true })
    });
    // What the gate drops.
    let casual = world.says(0, "lol");
    let outputs = world.outputs(0);
    assert_eq!(remarks(&outputs), [(vec![casual], world.id(0), "lol".to_owned())]);
    // What comes too soon, with a notice and without.
    world.says(9_000, "<@50> How long is the warranty?");
    assert_eq!(questions(&world.outputs(9_000)).len(), 1);
    let hasty = world.says(10_000, "<@50> And the hinge, is it covered?");
    let outputs = world.outputs(10_000);
    assert!(matches!(outputs.jobs[0].1, Job::Notify(_)) && outputs.jobs[0].0 == [hasty] && outputs.more == [hasty]);
    assert_eq!(remarks(&outputs), [(vec![hasty], world.id(10_000), "And the hinge, is it covered?".to_owned())]);
    let hasty = world.says(12_000, "<@50> Nobody there to tell me?");
    let outputs = world.outputs(12_000);
    assert_eq!((remarks(&outputs).len(), outputs.jobs.len(), outputs.more.len()), (1, 1, 0));
    assert_eq!(outputs.jobs[0].0, [hasty]);
    // People whose questions are not answered; but no bots, no other channels, and nothing without words.
    let mut said = |ms: i64, change: &dyn Fn(&mut Value)| {
        let mut message = world.message(ms, "<@50> How long is the warranty?");
        message["author"]["id"] = json!("41");
        change(&mut message);
        world.frame_at(u64::try_from(ms).unwrap(), "MESSAGE_CREATE", message);
        let outputs = world.outputs(u64::try_from(ms).unwrap());
        (remarks(&outputs).len(), outputs.jobs.len())
    };
    assert_eq!(said(20_000, &|message| message["member"]["roles"] = json!(["8"])), (1, 1));
    assert_eq!(said(21_000, &|message| message["author"]["bot"] = json!(true)), (0, 0));
    assert_eq!(said(22_000, &|message| message["channel_id"] = json!("21")), (0, 0));
    assert_eq!(said(23_000, &|message| message["content"] = json!("")), (0, 0));
}

#[test]
fn what_is_remembered_goes_with_its_message_and_changes_with_it() {
    let mut world = World::with(mode(ResponseMode::AllMessages { smart: true, channel_context: true }));
    let edit = |world: &mut World, ms: i64, content: &str| {
        let mut message = world.message(ms, content);
        message["edited_timestamp"] = json!("2026-11-24T10:30:10Z");
        let now = u64::from(LATER_MS) + 20_000;
        let seq = world.frame_at(now, "MESSAGE_UPDATE", message);
        (seq, world.outputs(now))
    };
    let later = i64::from(LATER_MS);
    world.says(LATER_MS, "lol");
    world.says(LATER_MS + 9_000, "haha");
    world.outputs(u64::from(LATER_MS) + 9_000);
    let (seq, outputs) = edit(&mut world, later, "lol");
    assert!(outputs.done == [seq] && outputs.jobs.is_empty(), "the same words");
    let (seq, outputs) = edit(&mut world, later, "wow");
    assert_eq!(remarks(&outputs), [(vec![seq], world.id(later), "wow".to_owned())]);
    let (seq, outputs) = edit(&mut world, later, "");
    assert_eq!(remarks(&outputs), [(vec![seq], world.id(later), String::new())], "it is taken back");
    let (_, outputs) = edit(&mut world, later + 9_000, "<@50> How long is the warranty?");
    assert_eq!(questions(&outputs).len(), 1);
    let seq = world.says(LATER_MS + 20_000, "lol");
    world.outputs(u64::from(LATER_MS) + 20_000);
    let id = world.id(later + 20_000).to_string();
    world.frame_at(
        u64::from(LATER_MS) + 21_000,
        "MESSAGE_DELETE",
        json!({"id": id, "channel_id": "20", "guild_id": "10"}),
    );
    let outputs = world.outputs(u64::from(LATER_MS) + 21_000);
    assert!(matches!(&outputs.jobs[..], [(seqs, Job::Deleted { .. })] if seqs[0] == seq + 1), "{outputs:?}");
}

#[test]
fn an_old_message_that_becomes_a_question_stays_by_itself() {
    let mut world = World::with(GuildSettings::default());
    world.says(LATER_MS, "which colour");
    world.outputs(u64::from(LATER_MS));
    let hello = world.says(LATER_MS + 60_000, "<@50> hello");
    let mut message = world.message(LATER_MS.into(), "<@50> which colour");
    message["edited_timestamp"] = json!("2026-11-24T10:31:00Z");
    let edited = world.frame_at(u64::from(LATER_MS) + 60_100, "MESSAGE_UPDATE", message);
    let outputs = world.outputs(u64::from(LATER_MS) + 60_100);
    let [(seqs, question)] = &*questions(&outputs) else { panic!("{outputs:?}") };
    assert_eq!((seqs.as_slice(), &*question.text), ([edited].as_slice(), "which colour"));
    let outputs = world.outputs(u64::from(LATER_MS) + 63_000);
    let [(seqs, question)] = &*questions(&outputs) else { panic!("{outputs:?}") };
    assert_eq!((seqs.as_slice(), &*question.text), ([hello].as_slice(), "hello"));
}

#[test]
fn what_an_earlier_process_may_have_passed_on_is_changed_all_the_same() {
    let mut world = World::with(GuildSettings::default());
    let mut message = world.message(-60_000, "<@50> How long is the warranty?");
    message["edited_timestamp"] = json!("2026-11-24T10:00:01Z");
    let seq = world.frame("MESSAGE_UPDATE", message);
    let Outputs { jobs, more, .. } = world.outputs(0);
    assert_eq!(more, [seq]);
    assert!(
        matches!(&jobs[..], [(edit, Job::Edited { .. }), (seqs, Job::Answer(_))] if *edit == [seq] && *seqs == [seq])
    );
    for (ms, count) in [(-60_000, 1), (-16 * 60_000, 0), (300_000, 0)] {
        let id = world.id(ms).to_string();
        world.frame("MESSAGE_DELETE", json!({"id": id, "channel_id": "21", "guild_id": "10"}));
        assert_eq!(world.outputs(0).jobs.len(), count, "{ms}");
    }
}

#[test]
fn a_server_that_is_left_is_forgotten_and_comes_back_with_its_settings() {
    let mut world = World::with(GuildSettings::default());
    let waits = world.says(0, "<@50>");
    world.frame("GUILD_DELETE", json!({"id": "10", "unavailable": true}));
    assert!(world.judge.guilds.contains(Id::new(10)), "an outage");
    let left = world.frame("GUILD_DELETE", json!({"id": "10"}));
    let outputs = world.outputs(0);
    assert_eq!(outputs.presence, [Presence::Left(GUILD)]);
    assert!(outputs.done.contains(&waits) && outputs.done.contains(&left) && outputs.jobs.is_empty());
    world.frame("GUILD_CREATE", json!({"id": "10"}));
    assert_eq!(world.outputs(0).lookups, [Lookup::Settings(GUILD)]);
    let found = Guild { left_at: Some(Timestamp::UNIX_EPOCH), ..guild(mode(SMART)) };
    world.judge.found(Lookup::Settings(GUILD), Found::Settings(Some(found)));
    let outputs = world.outputs(0);
    assert!(outputs.wants_content && outputs.presence == [Presence::Returned(GUILD)]);
}

#[test]
fn the_first_event_says_who_the_bot_is() {
    let mut world = World::with(GuildSettings::default());
    world.frame("READY", json!({"user": {"id": "51"}, "application": {"id": "50"}}));
    world.says(0, "<@50> How long?");
    let mut message = world.message(10, "<@51> How long?");
    message["mentions"] = json!([{"id": "51", "username": "guildhall"}]);
    world.frame("MESSAGE_CREATE", message);
    assert_eq!(questions(&world.outputs(10)).len(), 1);
}

#[test]
fn what_cannot_be_read_is_counted_and_settled() {
    let mut world = World::with(GuildSettings::default());
    for (seq, kind) in ["MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "GUILD_CREATE", "THREAD_CREATE", "READY"]
        .iter()
        .enumerate()
    {
        world.judge.on_frame("{\"d\":", kind, seq as u64, world.began);
    }
    world.judge.on_frame("{", "SOMETHING_NEW", 6, world.began);
    assert_eq!(world.outputs(0).done, (0..7).collect::<Vec<u64>>());
    assert_eq!(world.judge.counts().unreadable, 6);
}

#[test]
fn a_server_of_ten_megabytes_is_read() {
    let mut world = World::new();
    let threads: Vec<Value> = (1..=60_000)
        .map(|id| json!({"id": id.to_string(), "type": 11, "parent_id": "20", "owner_id": "40", "name": "x".repeat(100)}))
        .collect();
    world.frame("GUILD_CREATE", json!({"id": "10", "threads": threads, "emojis": [{"a": [[[1]]]}]}));
    world.judge.found(Lookup::Settings(GUILD), Found::Settings(None));
    assert_eq!(world.judge.counts().unreadable, 0);
    let outputs = world.outputs(0);
    assert_eq!((outputs.done.len(), outputs.lookups.len()), (1, 1));
}

/// What a session may meet, in any order.
#[derive(Debug, Clone)]
enum Event {
    Said { guild: u64, channel: u64, user: u64, text: usize, more: usize },
    Edited { back: usize, text: usize },
    Deleted { back: usize },
    Kind(usize, u64),
    Answer,
    Changed(u64, usize),
    Later(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (1_u64..4, 20_u64..23, 40_u64..43, 0_usize..8, 0_usize..6)
            .prop_map(|(guild, channel, user, text, more)| Event::Said { guild, channel, user, text, more }),
        2 => (0_usize..9, 0_usize..8).prop_map(|(back, text)| Event::Edited { back, text }),
        2 => (0_usize..9).prop_map(|back| Event::Deleted { back }),
        2 => (0_usize..8, 1_u64..4).prop_map(|(kind, guild)| Event::Kind(kind, guild)),
        3 => Just(Event::Answer),
        1 => (1_u64..4, 0_usize..5).prop_map(|(guild, settings)| Event::Changed(guild, settings)),
        3 => (0_u64..3_000).prop_map(Event::Later),
    ]
}

fn some_settings(which: usize) -> Option<Guild> {
    let list = |id| guildhall::settings::Access { allow: [Id::new(id)].into(), deny: [Id::new(21)].into() };
    Some(guild(match which {
        0 => return None,
        1 => mode(SMART),
        2 => GuildSettings { answer_in_thread: true, cooldown_seconds: 2, ..GuildSettings::default() },
        3 => GuildSettings {
            channels: list(20),
            questions_per_hour: 2,
            ..mode(ResponseMode::AllMessages { smart: false, channel_context: true })
        },
        _ => mode(ResponseMode::Command),
    }))
}

const TEXTS: [&str; 8] = ["<@50> why?", "<@50>", "and", "lol", "how does it work?", "", "<@50> so,", "<@&9> hello"];

fn said(guild: u64, channel: u64, user: u64, text: usize, more: usize, id: u64) -> Value {
    let content = TEXTS[text % TEXTS.len()];
    let mut message = json!({
        "id": id.to_string(), "channel_id": (guild * 100 + channel).to_string(), "type": 0, "content": content,
        "author": {"id": user.to_string(), "username": "u"}, "member": {"roles": []},
        "mentions": if content.contains("<@50>") { json!([{"id": "50", "username": "b"}]) } else { json!([]) },
        "mention_roles": if content.contains("<@&9>") { json!(["9"]) } else { json!([]) },
    });
    match more {
        0 => {}
        1 => message["author"]["bot"] = json!(true),
        2 => message["content"] = json!(7),
        _ => message["guild_id"] = json!(guild.to_string()),
    }
    message
}

proptest! {
    /// Whatever comes, in whatever order, each frame is settled once; and nothing is settled before its time has come out.
    #[test]
    fn every_frame_comes_out_once(events in proptest::collection::vec(event(), 1..120), answer_all in any::<bool>()) {
        let mut world = World::new();
        let (mut ms, mut handed, mut came, mut open) = (0_u64, Vec::new(), Vec::new(), Vec::new());
        let mut messages: Vec<(u64, u64, u64, u64)> = Vec::new();
        let collect = |outputs: Outputs, came: &mut Vec<u64>, handed: &mut Vec<u64>, open: &mut Vec<Lookup>| {
            // Not for what is settled.
            let count = |seqs: &[u64], seq: u64| seqs.iter().filter(|&&other| other == seq).count();
            assert!(outputs.more.iter().all(|&seq| count(handed, seq) > count(came, seq)));
            handed.extend(outputs.more);
            came.extend(outputs.done);
            came.extend(outputs.jobs.into_iter().flat_map(|(seqs, _)| seqs));
            came.extend(outputs.interactions.into_iter().map(|(seq, _)| seq));
            open.extend(outputs.lookups);
        };
        let answer = |world: &mut World, lookup: Lookup| {
            let found = match lookup {
                Lookup::OwnRole(guild) | Lookup::Channel { guild, .. } if guild.get() == 2 => Found::Unknown,
                Lookup::Settings(guild) => Found::Settings(some_settings(usize::try_from(guild.get()).unwrap())),
                Lookup::OwnRole(_) => Found::OwnRole(Some(Id::new(9))),
                Lookup::Locale(_) => Found::Locale(Locale::named("fr")),
                Lookup::Channel { .. } => Found::Channel(Spot::Thread { parent: Some(Id::new(20)), own: true }),
            };
            world.judge.found(lookup, found);
        };
        for event in events {
            match event {
                Event::Said { guild, channel, user, text, more } => {
                    ms += 100;
                    let id = world.id(i64::try_from(ms).unwrap());
                    messages.push((guild, channel, user, id));
                    handed.push(world.frame_at(ms, "MESSAGE_CREATE", said(guild, channel, user, text, more, id)));
                }
                Event::Edited { back, text } => {
                    let Some(&(guild, channel, user, id)) = messages.iter().rev().nth(back) else { continue };
                    let mut message = said(guild, channel, user, text, 5, id);
                    message["edited_timestamp"] = json!("2026-11-24T10:00:01Z");
                    handed.push(world.frame_at(ms, "MESSAGE_UPDATE", message));
                }
                Event::Deleted { back } => {
                    let Some(&(guild, channel, _, id)) = messages.iter().rev().nth(back) else { continue };
                    let data = json!({"ids": [id.to_string(), "5"], "channel_id": (guild * 100 + channel).to_string(), "guild_id": guild.to_string()});
                    handed.push(world.frame_at(ms, "MESSAGE_DELETE_BULK", data));
                }
                Event::Kind(kind, guild) => {
                    let kind = ["GUILD_CREATE", "GUILD_DELETE", "THREAD_CREATE", "CHANNEL_DELETE", "INTERACTION_CREATE", "READY", "GUILD_ROLE_DELETE", "TYPING_START"][kind];
                    let data = json!({
                        "id": guild.to_string(), "guild_id": guild.to_string(), "user": {"id": "50"}, "role_id": "9",
                        "type": 11, "parent_id": "20", "owner_id": "50", "roles": [{"id": "9", "tags": {"bot_id": "50"}}],
                    });
                    handed.push(world.frame_at(ms, kind, data));
                }
                Event::Answer => {
                    if !open.is_empty() {
                        let lookup = open.remove(0);
                        answer(&mut world, lookup);
                    }
                }
                Event::Changed(guild, settings) => world.judge.changed(Id::new(guild), Found::Settings(some_settings(settings))),
                Event::Later(pause) => ms += pause,
            }
            if answer_all || ms % 3 == 0 {
                let outputs = world.outputs(ms);
                collect(outputs, &mut came, &mut handed, &mut open);
            }
        }
        for _ in 0..1_000 {
            ms += 5_000;
            let outputs = world.outputs(ms);
            collect(outputs, &mut came, &mut handed, &mut open);
            if open.is_empty() && world.judge.answered.is_empty() {
                break;
            }
            for lookup in std::mem::take(&mut open) {
                answer(&mut world, lookup);
            }
        }
        let outputs = world.outputs(ms + 10_000);
        collect(outputs, &mut came, &mut handed, &mut open);
        came.sort_unstable();
        handed.sort_unstable();
        prop_assert_eq!(came, handed);
        prop_assert_eq!(world.judge.held_bytes, 0);
    }

    /// What is told from the bytes alone is what reading would have said.
    #[test]
    fn a_glance_sees_what_reading_would(
        text in 0_usize..8, more in 0_usize..6, role in any::<bool>(), reply in any::<bool>(), content in ".{0,20}",
    ) {
        let mut world = World::with(GuildSettings::default());
        let mut message = said(10, 20, 40, text, more, world.id(0));
        if reply {
            message["type"] = json!(19);
            message["message_reference"] = json!({"guild_id": "11", "channel_id": "1", "message_id": "2"});
            message["referenced_message"] = json!({"id": "2", "author": {"id": "50"}});
        }
        if role {
            message["mention_roles"] = json!(["9"]);
        }
        if more > 2 && text == 2 {
            message["content"] = json!(content);
        }
        let frame = json!({"t": "MESSAGE_CREATE", "s": 1, "op": 0, "d": message}).to_string();
        if world.judge.drops_at_a_glance(&frame) {
            let read: Message<'_> = frame::read(&frame).unwrap();
            prop_assert_eq!(world.judge.verdict(&read), Ok(Verdict::Drop));
            world.judge.on_message(Kind::Created, &frame, 1, world.began);
            prop_assert_eq!(world.judge.poll(world.began).done, vec![1]);
        } else {
            prop_assert!(role || reply || more <= 2 || TEXTS[text].contains("50") || TEXTS[text].contains("&9") || content.contains("50"));
        }
    }

    #[test]
    fn nothing_makes_it_panic(text in ".{0,120}", kind in 0_usize..9) {
        let kind = ["MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK", "GUILD_CREATE", "THREAD_LIST_SYNC", "READY", "GUILD_ROLE_UPDATE", "INTERACTION_CREATE"][kind];
        let mut world = World::with(GuildSettings::default());
        world.judge.on_frame(&text, kind, 1, world.began);
        let wrapped = format!("{{\"d\":{text}}}");
        world.judge.on_frame(&wrapped, kind, 2, world.began);
        world.outputs(9_000);
    }
}
