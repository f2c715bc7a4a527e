use super::*;
use proptest::prelude::*;
use twilight_model::id::Id;

fn id(ms: u64) -> u64 {
    ((1_000_000_000 + ms) << 22) | 7
}

fn part(ms: u64, text: &str, heard: Option<Heard>) -> Part {
    Part { seq: ms, said: Said { id: Id::new(id(ms)), text: text.to_owned() }, heard }
}

const KEY: Key = (Id::new(20), Id::new(40));

fn ask(bursts: &mut Bursts, part: Part, now: Instant) -> Vec<Burst> {
    bursts.ask(Burst::new(Some(Id::new(10)), KEY, "ann".to_owned(), false, part, now))
}

fn seqs(bursts: &[Burst]) -> Vec<Vec<u64>> {
    bursts.iter().map(|burst| burst.parts.iter().map(|part| part.seq).collect()).collect()
}

const DIRECT: Option<Heard> = Some(Heard::Directly);

#[test]
fn what_looks_complete() {
    for text in [
        "How long is the warranty?",
        "how long is it? I bought it in May",
        "\"why?\"",
        "(really?)",
        "保証期間は？",
        "Please tell me how to install it.",
        "It does not start anymore!",
        "```\nerror\n```",
        "設定を教えてください。",
        &"a long message without an end ".repeat(5),
    ] {
        let fence = text.starts_with("```");
        assert!(looks_complete(text) || fence, "{text}");
    }
    for text in [
        "",
        "?",
        "hello",
        "hello!",
        "Hi there.",
        "one question",
        "I have a question:",
        "so, how is it,",
        "and then…",
        "wait...",
        "how long is the warranty",
        "I wonder about the manual -",
    ] {
        assert!(!looks_complete(text), "{text}");
    }
}

#[test]
fn a_mention_and_what_follows_are_one_question() {
    let (mut bursts, now) = (Bursts::default(), Instant::now());
    assert_eq!(ask(&mut bursts, part(0, "", DIRECT), now), []);
    assert!(bursts.is_open(KEY) && bursts.is_open_in(Id::new(10)) && bursts.holds(KEY, Id::new(id(0))));
    let (closed, left) = bursts.go_on(KEY, part(1_000, "I have a Zephyr", None), now);
    assert!(closed.is_empty() && left.is_none());
    let (closed, _) = bursts.go_on(KEY, part(2_000, "how long is its warranty?", None), now);
    assert_eq!(seqs(&closed), [[0, 1_000, 2_000]], "it ends with what looks complete");
    assert_eq!(closed[0].text(), "I have a Zephyr\nhow long is its warranty?");
    assert!(!bursts.is_open(KEY) && !bursts.is_open_in(Id::new(10)));
}

#[test]
fn the_clock_closes_what_nobody_goes_on_with() {
    let (mut bursts, now) = (Bursts::default(), Instant::now());
    ask(&mut bursts, part(0, "hello", DIRECT), now);
    let later = now + Duration::from_secs(1);
    bursts.go_on(KEY, part(900, "you there", None), later);
    assert_eq!(bursts.due(now + Duration::from_millis(1_800)), [], "the pause begins anew with each message");
    assert_eq!(seqs(&bursts.due(bursts.next_deadline().unwrap())), [[0, 900]]);
    assert_eq!(bursts.next_deadline(), None);
}

#[test]
fn a_late_message_closes_it_at_once() {
    let (mut bursts, now) = (Bursts::default(), Instant::now());
    ask(&mut bursts, part(0, "hello", DIRECT), now);
    let (closed, left) = bursts.go_on(KEY, part(1_501, "anyone", None), now);
    assert!(seqs(&closed) == [[0]] && left.is_some());
    ask(&mut bursts, part(2_000, "hello", DIRECT), now);
    assert_eq!(seqs(&ask(&mut bursts, part(4_000, "hello again", DIRECT), now)), [[2_000]]);
    assert!(bursts.is_open(KEY));
}

#[test]
fn it_is_bounded_in_number_time_and_length() {
    let now = Instant::now();
    let mut bursts = Bursts::default();
    let closed: Vec<Burst> = (0..25).flat_map(|n| ask(&mut bursts, part(n * 10, "more", DIRECT), now)).collect();
    assert_eq!(closed.iter().map(|burst| burst.parts.len()).collect::<Vec<_>>(), [10, 10]);
    let mut bursts = Bursts::default();
    let closed: Vec<Burst> = (0..8).flat_map(|n| ask(&mut bursts, part(n * 1_000, "more", DIRECT), now)).collect();
    assert_eq!(closed.iter().map(|burst| burst.parts.len()).collect::<Vec<_>>(), [7], "six seconds");
    let mut bursts = Bursts::default();
    let long = "x ".repeat(1_999) + ",";
    ask(&mut bursts, part(0, &long, DIRECT), now);
    assert_eq!(seqs(&ask(&mut bursts, part(10, &long, DIRECT), now)), [[0]]);
}

#[test]
fn what_is_changed_or_deleted_meanwhile_is_taken_as_it_is() {
    let (mut bursts, now) = (Bursts::default(), Instant::now());
    let message = |ms| Id::new(id(ms));
    ask(&mut bursts, part(0, "hello", DIRECT), now);
    bursts.go_on(KEY, part(10, "warranti", None), now);
    assert!(bursts.edit(KEY.0, message(10), "warranty"));
    assert!(!bursts.edit(Id::new(21), message(10), "x") && !bursts.edit(KEY.0, message(11), "x"));
    bursts.go_on(KEY, part(20, "lol", None), now);
    assert_eq!(bursts.delete(KEY.0, message(20)), Some(vec![20]));
    assert_eq!(bursts.delete(KEY.0, message(20)), None);
    assert_eq!(bursts.delete(KEY.0, message(0)), Some(vec![0, 10]), "without the mention nobody asked anything");
    assert!(!bursts.is_open(KEY) && bursts.due(now + Duration::from_secs(9)).is_empty());
}

#[test]
fn what_is_older_does_not_join_what_was_said_since() {
    let (mut bursts, now) = (Bursts::default(), Instant::now());
    ask(&mut bursts, part(60_000, "hello", DIRECT), now);
    let closed = ask(&mut bursts, part(0, "which colour", DIRECT), now);
    assert_eq!(seqs(&closed), [[0]], "a question by itself");
    let (closed, left) = bursts.go_on(KEY, part(10, "and", None), now);
    assert!(closed.is_empty() && left.is_some());
    assert_eq!(seqs(&ask(&mut bursts, part(60_500, "how long is it?", DIRECT), now)), [[60_000, 60_500]]);
}

#[test]
fn what_was_overheard_waits_for_the_pause() {
    let (mut bursts, now) = (Bursts::default(), Instant::now());
    assert_eq!(ask(&mut bursts, part(0, "How long is the warranty?", Some(Heard::InPassingSmart)), now), []);
    let closed = ask(&mut bursts, part(10, "Who knows?", DIRECT), now);
    assert_eq!((seqs(&closed), closed[0].heard()), (vec![vec![0, 10]], DIRECT), "said to the bot after all");
}

proptest! {
    /// However late they arrive and however often the clock is looked at in between, as long as it is not too late.
    #[test]
    fn a_replay_is_cut_alike(
        steps in proptest::collection::vec((0_u64..2_500, any::<bool>(), 0_usize..4), 1..40),
    ) {
        let texts = ["hello", "how?", "and,", "That is all of it."];
        let run = |live: bool| {
            let (mut bursts, start) = (Bursts::default(), Instant::now());
            let (mut ms, mut closed) = (0, Vec::new());
            for &(pause, direct, text) in &steps {
                ms += pause;
                let now = if live { start + Duration::from_millis(ms) } else { start };
                closed.extend(bursts.due(now));
                let said = part(ms, texts[text], direct.then_some(Heard::Directly));
                if direct {
                    closed.extend(ask(&mut bursts, said, now));
                } else {
                    closed.extend(bursts.go_on(KEY, said, now).0);
                }
            }
            closed.extend(bursts.due(start + Duration::from_secs(1_000_000)));
            seqs(&closed)
        };
        prop_assert_eq!(run(true), run(false));
    }
}
