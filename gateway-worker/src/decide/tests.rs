use super::*;
use crate::frame;
use guildhall::settings::Access;
use serde_json::{Value, json};
use twilight_model::id::Id;

const BOT: Snowflake = Id::new(50);

/// Ann, in channel 20 of server 10.
#[expect(clippy::needless_pass_by_value, reason = "written on the spot by each test")]
fn said(content: &str, more: Value) -> String {
    let mut message = json!({
        "id": "30", "channel_id": "20", "guild_id": "10", "type": 0, "content": content, "mentions": [], "mention_roles": [],
        "author": {"id": "40", "username": "ann"}, "member": {"roles": ["7", "8"]},
    });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"t": "MESSAGE_CREATE", "s": 1, "op": 0, "d": message}).to_string()
}

fn mention() -> Value {
    json!({"mentions": [{"id": "50", "username": "guildhall", "bot": true}]})
}

fn verdict(text: &str, rules: &Rules) -> Verdict {
    let known = Known { rules, bot: BOT, own_role: Some(Some(Id::new(9))), spot: Some(Spot::Channel) };
    decide(&frame::read(text).unwrap(), &known)
}

fn all(smart: bool) -> Rules {
    Rules { mode: ResponseMode::AllMessages { smart, channel_context: false }, ..Rules::default() }
}

fn access(allow: &[u64], deny: &[u64]) -> Access {
    let ids = |list: &[u64]| list.iter().map(|&id| Id::new(id)).collect();
    Access { allow: ids(allow), deny: ids(deny) }
}

const DIRECT: Verdict = Verdict::Question(Heard::Directly);

#[test]
fn a_mention_the_own_role_and_a_reply_are_addressed() {
    let rules = Rules::default();
    for (more, expected) in [
        (json!({}), Verdict::Drop),
        (mention(), DIRECT),
        (json!({"mention_roles": ["9"]}), DIRECT),
        (json!({"mention_roles": ["7"]}), Verdict::Drop),
        (json!({"type": 19, "referenced_message": {"id": "1", "author": {"id": "50"}}}), DIRECT),
        (json!({"type": 19, "referenced_message": {"id": "1", "author": {"id": "41"}}}), Verdict::Drop),
        (json!({"type": 19, "referenced_message": null}), Verdict::Drop),
        (json!({"mention_everyone": true}), Verdict::Drop),
    ] {
        assert_eq!(verdict(&said("hello @everyone", more.clone()), &rules), expected, "{more}");
    }
    assert_eq!(verdict(&said("<@50> but Discord says nobody is mentioned", json!({})), &rules), Verdict::Drop);
}

#[test]
fn only_people_ask() {
    for more in [
        json!({"author": {"id": "41", "username": "x", "bot": true}}),
        json!({"author": {"id": "41", "username": "x", "system": true}}),
        json!({"author": {"id": "50", "username": "guildhall"}}),
        json!({"author": null}),
        json!({"webhook_id": "60"}),
        json!({"type": 6}),
        json!({"type": 7}),
        json!({"type": 20}),
        json!({"type": 21}),
    ] {
        let mut more = more.clone();
        more.as_object_mut().unwrap().extend(mention().as_object().unwrap().clone());
        for rules in [Rules::default(), all(false), all(true)] {
            assert_eq!(verdict(&said("Why?", more.clone()), &rules), Verdict::Drop, "{more}");
        }
    }
}

#[test]
fn with_the_command_alone_nothing_is_a_question() {
    let rules = Rules { mode: ResponseMode::Command, ..Rules::default() };
    assert_eq!(verdict(&said("<@50> why?", mention()), &rules), Verdict::Drop);
}

#[test]
fn all_messages_are_heard_in_passing() {
    assert_eq!(verdict(&said("how?", json!({})), &all(true)), Verdict::Question(Heard::InPassingSmart));
    assert_eq!(verdict(&said("how?", json!({})), &all(false)), Verdict::Question(Heard::InPassing));
    assert_eq!(verdict(&said("lol", json!({})), &all(true)), Verdict::Drop);
    assert_eq!(verdict(&said("lol", json!({})), &all(false)), Verdict::Question(Heard::InPassing));
    assert_eq!(verdict(&said("", json!({})), &all(false)), Verdict::Drop, "a picture, or words that Discord withholds");
    assert_eq!(verdict(&said("<@50> lol", mention()), &all(true)), DIRECT);
    let forward = json!({"message_snapshots": [{"message": {"content": "how does it work?"}}]});
    assert_eq!(verdict(&said("", forward), &all(true)), Verdict::Question(Heard::InPassingSmart));
}

#[test]
fn lists_let_in_and_shut_out() {
    let text = said("<@50> why?", mention());
    for (channels, roles, expected) in [
        (access(&[20], &[]), access(&[], &[]), DIRECT),
        (access(&[21], &[]), access(&[], &[]), Verdict::Drop),
        (access(&[], &[20]), access(&[], &[]), Verdict::Drop),
        (access(&[], &[]), access(&[8], &[]), DIRECT),
        (access(&[], &[]), access(&[6], &[]), Verdict::Drop),
        (access(&[], &[]), access(&[8], &[7]), Verdict::Drop),
        (access(&[], &[]), access(&[10], &[]), DIRECT),
        (access(&[], &[]), access(&[], &[10]), Verdict::Drop),
    ] {
        assert_eq!(verdict(&text, &Rules { channels, roles, ..Rules::default() }), expected);
    }
}

#[test]
fn a_thread_counts_as_its_channel_and_as_itself() {
    let spot = Spot::Thread { parent: Some(Id::new(19)), own: false };
    let text = said("<@50> why?", mention());
    for (channels, expected) in [
        (access(&[19], &[]), DIRECT),
        (access(&[20], &[]), DIRECT),
        (access(&[18], &[]), Verdict::Drop),
        (access(&[], &[19]), Verdict::Drop),
        (access(&[19], &[20]), Verdict::Drop),
    ] {
        let rules = Rules { channels, ..Rules::default() };
        let known = Known { rules: &rules, bot: BOT, own_role: None, spot: Some(spot) };
        assert_eq!(decide(&frame::read(&text).unwrap(), &known), expected);
    }
}

#[test]
fn in_a_thread_of_its_own_the_bot_is_spoken_to() {
    let own = Some(Spot::Thread { parent: Some(Id::new(19)), own: true });
    let text = said("and the hinge?", json!({}));
    for (answer_in_thread, spot, expected) in [
        (true, own, DIRECT),
        (true, Some(Spot::Thread { parent: None, own: false }), Verdict::Drop),
        (true, Some(Spot::Channel), Verdict::Drop),
        (true, None, Verdict::Depends(Need::Spot)),
        (false, own, Verdict::Drop),
        (false, None, Verdict::Drop),
    ] {
        let rules = Rules { answer_in_thread, ..Rules::default() };
        let known = Known { rules: &rules, bot: BOT, own_role: None, spot };
        assert_eq!(decide(&frame::read(&text).unwrap(), &known), expected, "{answer_in_thread} {spot:?}");
    }
}

/// What is unknown is asked for only where it decides.
#[test]
fn nothing_is_looked_up_in_vain() {
    let rules = Rules::default();
    let known = Known { rules: &rules, bot: BOT, own_role: None, spot: None };
    let decided = |more: Value| decide(&frame::read(&said("x", more)).unwrap(), &known);
    assert_eq!(decided(json!({})), Verdict::Drop);
    assert_eq!(decided(mention()), DIRECT);
    assert_eq!(decided(json!({"mention_roles": ["7"]})), Verdict::Depends(Need::OwnRole));
    let known = Known { own_role: Some(None), ..known };
    assert_eq!(decide(&frame::read(&said("x", json!({"mention_roles": ["7"]}))).unwrap(), &known), Verdict::Drop);
}

#[test]
fn words_are_what_a_reader_sees() {
    let mentions = json!({"mentions": [
        {"id": "50", "username": "guildhall", "bot": true},
        {"id": "41", "username": "bob", "global_name": "Bob B.", "member": {"roles": [], "nick": "Bobby\n"}},
        {"id": "42", "username": "cem", "global_name": "Cem"},
        {"id": "43", "username": "dee"},
    ]});
    for (content, expected) in [
        ("<@50> why?", "why?"),
        ("<@!50>, why?", "why?"),
        ("<@50>: why <@50>", "why"),
        ("hey <@50> why?", "hey why?"),
        ("why <@50>?", "why ?"),
        ("<@50> :) why?", ":) why?"),
        ("<@&9> why?", "why?"),
        ("<@50>", ""),
        (" <@50><@50> \n ", ""),
        ("<@50> what did <@41>, <@!42> and <@43> say?", "what did @Bobby, @Cem and @dee say?"),
        ("<@50> who is <@44> of <@&7> in <#20>?", "who is <@44> of <@&7> in <#20>?"),
        ("<@50> a <@ b <@> c <@x> d <@&> <@", "a <@ b <@> c <@x> d <@&> <@"),
        ("<@50> <@999999999999999999999>", "<@999999999999999999999>"),
        ("été <@50> été", "été été"),
    ] {
        let text = said(content, mentions.clone());
        assert_eq!(words(&frame::read(&text).unwrap(), BOT, Some(Id::new(9))), expected, "{content}");
    }
}

#[test]
fn a_forward_is_behind_its_senders_words() {
    let shots = json!({"message_snapshots": [{"message": {"content": "It blinks <@50> red."}}, {"message": {}}]});
    let text = said("<@50> why?", shots);
    assert_eq!(words(&frame::read(&text).unwrap(), BOT, None), "why?\nIt blinks red.");
}

#[test]
fn who_speaks_to_others_does_not_go_on() {
    let others = |more: Value| addresses_others(&frame::read(&said("x", more)).unwrap(), BOT);
    assert!(!others(json!({})) && !others(mention()));
    assert!(others(json!({"mentions": [{"id": "41", "username": "bob"}]})));
    assert!(others(json!({"referenced_message": {"author": {"id": "41"}}})));
    assert!(!others(json!({"referenced_message": {"author": {"id": "50"}}})));
}
