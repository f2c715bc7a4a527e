use proptest::prelude::*;

use super::*;

fn ok(raw: &str) -> ModelAnswer {
    parse(raw, 3).unwrap_or_else(|error| panic!("{error}: {raw}"))
}

fn answer(text: &str, sources: &[usize]) -> ModelAnswer {
    ModelAnswer {
        answer: text.to_owned(),
        sources: sources.to_vec(),
        can_answer: true,
        wants_human: false,
        addressed: None,
    }
}

#[test]
fn the_schema_is_strict() {
    for heard in [Heard::Directly, Heard::InPassing, Heard::InPassingSmart] {
        is_strict(answer_schema(heard));
    }
}

fn is_strict(schema: &Value) {
    assert_eq!(schema["additionalProperties"], false);
    let mut names: Vec<&str> =
        schema["properties"].as_object().expect("what the test wrote").keys().map(String::as_str).collect();
    names.sort_unstable();
    let required: Vec<&str> = schema["required"]
        .as_array()
        .expect("what the test wrote")
        .iter()
        .map(|name| name.as_str().expect("what the test wrote"))
        .collect();
    assert_eq!(names, required);
}

#[test]
fn what_was_asked_for_is_read() {
    let raw = r#"{"answer":"31 months.","can_answer":true,"sources":[2,1],"wants_human":false}"#;
    assert_eq!(ok(raw), answer("31 months.", &[1, 0]));
    let raw = r#"{"answer":"","can_answer":false,"sources":[],"wants_human":true}"#;
    let read = ok(raw);
    assert!(!read.can_answer && read.wants_human && read.answer.is_empty());
}

#[test]
fn json_is_found_wherever_it_stands() {
    let json = r#"{"answer":"Yes.","can_answer":true,"sources":[1],"wants_human":false}"#;
    for raw in [
        format!("```json\n{json}\n```"),
        format!("Sure! Here it is {{as asked}}:\n{json}\nHope that helps."),
        format!("[{json}]"),
        format!("<think>The {{\"answer\":\"No.\"}} is wrong</think>\n{json}"),
        format!("The user asks…</think>{json}"),
        serde_json::to_string(json).expect("what the test wrote"),
        json!({ "answer": json }).to_string(),
        format!(r#"{{"answer": {json}}}"#),
        format!("{json}{json}"),
    ] {
        assert_eq!(ok(&raw), answer("Yes.", &[0]), "{raw}");
    }
}

#[test]
fn an_answer_may_speak_of_json_and_thoughts() {
    for text in ["{\"a\": 1} is an object", "Write <think>hm</think> first"] {
        let raw = json!({ "answer": text, "can_answer": true, "sources": [], "wants_human": false }).to_string();
        assert_eq!(ok(&raw), answer(text, &[]));
    }
}

#[test]
fn sources_come_in_any_type_and_only_existing_ones_stay() {
    for (sources, expected) in [
        (r#""1, 2""#, &[0, 1][..]),
        (r#"["[1]"]"#, &[0]),
        ("1", &[0]),
        ("2.0", &[1]),
        ("[3, 3, 1, 4, 0, -1, 99999999999999999999999]", &[2, 0]),
        (r#"["passage 3"]"#, &[2]),
        (r#"[{"number": 2, "title": "Chapter 1"}]"#, &[1]),
        ("null", &[]),
        ("true", &[]),
    ] {
        let raw = format!(r#"{{"answer":"Yes.","sources":{sources}}}"#);
        assert_eq!(ok(&raw).sources, expected, "{sources}");
    }
}

#[test]
fn other_wrong_types_are_understood() {
    assert_eq!(ok(r#"{"answer":42,"can_answer":"yes"}"#).answer, "42");
    assert_eq!(ok(r#"{"answer":["One.","Two."]}"#).answer, "One.\nTwo.");
    assert!(!ok(r#"{"answer":"No.","can_answer":"false"}"#).can_answer);
    assert!(ok(r#"{"answer":"No.","wants_human":1}"#).wants_human);
}

#[test]
fn a_cut_off_answer_is_saved_if_there_is_enough_of_it() {
    let raw = r#"{"can_answer": true, "answer": "The warranty lasts 31 months. It covers the hinge. It does not cov"#;
    assert_eq!(ok(raw).answer, "The warranty lasts 31 months. It covers the hinge. …");
    assert_eq!(parse(r#"{"answer": "The wa"#, 3), Err(Unusable::NotAnAnswer));
    assert_eq!(parse(r#"{"can_answer": tr"#, 3), Err(Unusable::NotAnAnswer));
}

#[test]
fn broken_strings_are_mended() {
    let raw = "{\"answer\": \"Click \"Save\", then\nuse snake\\_case \\u00e9\\ud83d\\ude42\", \"sources\": [1, 2], \"can_answer\": true}";
    assert_eq!(ok(raw), answer("Click \"Save\", then\nuse snake\\_case é🙂", &[0, 1]));
}

#[test]
fn plain_text_is_an_answer_only_if_there_was_something_to_answer_from() {
    assert_eq!(ok("The warranty lasts 31 months [2]."), answer("The warranty lasts 31 months [1].", &[1]));
    assert_eq!(parse("The warranty lasts 31 months.", 0), Err(Unusable::NotAnAnswer));
    for raw in ["Here is the JSON:", "[1, 2]", "{'answer': 'x'}", "```json\n{", "…"] {
        assert_eq!(parse(raw, 3), Err(Unusable::NotAnAnswer), "{raw}");
    }
}

#[test]
fn nothing_is_no_answer() {
    for raw in [
        "",
        " \n",
        "<think>Let me see",
        "<think>Hm.</think>\n",
        r#"{"answer":""}"#,
        r#"{"answer":"…"}"#,
        r#"{"answer":null}"#,
    ] {
        assert_eq!(parse(raw, 3), Err(Unusable::Empty), "{raw}");
    }
}

#[test]
fn citations_agree_with_the_sources() {
    let read = |text: &str, sources: &[usize]| {
        let read = ok(&json!({ "answer": text, "sources": sources }).to_string());
        (read.answer, read.sources)
    };
    assert_eq!(read("A [3]. B [1, 3].", &[3]), ("A [1]. B [1][2].".to_owned(), vec![2, 0]));
    assert_eq!(read("A [7]. B 【2】.", &[]), ("A. B [1].".to_owned(), vec![1]));
    assert_eq!(read("A [^2], [ ] B, year [2024].", &[]), ("A [1], [ ] B, year [2024].".to_owned(), vec![1]));
    let code = "`a[1]` [2](https://x.y) \\[3]\n```\nb[1]\n```";
    assert_eq!(read(code, &[]), (code.to_owned(), vec![]));
}

#[test]
fn an_endless_answer_is_cut_at_a_sentence() {
    let raw = json!({ "answer": "A sentence of seven words is here. ".repeat(1_500) }).to_string();
    let read = ok(&raw).answer;
    assert!(read.chars().count() <= MAX_ANSWER + 100);
    assert!(read.ends_with("is here.\n\n-# The answer was too long and ends here."), "{}", &read[read.len() - 100..]);
    assert!(parse(&format!("<p>{}", "[".repeat(1_000_000)), 3).is_err());
    assert!(parse(&"{\"a\":".repeat(300_000), 3).is_err());
}

#[test]
fn silence_is_read() {
    let raw = r#"{"addressed":false,"answer":"","can_answer":true,"sources":[],"wants_human":false}"#;
    assert_eq!(ok(raw).addressed, Some(false));
    assert_eq!(ok(r#"{"addressed":"no","answer":"Ha!"}"#).addressed, Some(false));
    assert_eq!(ok(r#"{"addressed": true, "answer": "Use the "blue" one", "can_answer": true}"#).addressed, Some(true));
    assert_eq!(ok(r#"{"answer":"Yes."}"#).addressed, None);
}

#[test]
fn a_loop_is_cut_wherever_the_tokens_ended() {
    let looped = format!("The warranty lasts 31 months [2]. {}", "It covers the hinge and the lid. ".repeat(60));
    let cut_off = format!(r#"{{"answer": "{looped}It cov"#);
    let whole = json!({ "answer": looped, "can_answer": true, "sources": [2] }).to_string();
    for raw in [cut_off, whole] {
        assert_eq!(ok(&raw), answer("The warranty lasts 31 months [1].", &[1]));
    }
    assert_eq!(parse(&format!(r#"{{"answer": "{}"#, "the the ".repeat(400)), 3), Err(Unusable::Loop));
}

proptest! {
    #[test]
    fn nothing_panics_and_what_is_read_is_sound(
        raw in r#"([{}\[\]",:\\ \n1-4]|"answer"|"sources"|"can_answer"|true|false|<think>|</think>|```|word|é|\\u00e9|\\ud83d){0,40}"#,
        passages in 0_usize..4,
    ) {
        if let Ok(read) = parse(&raw, passages) {
            prop_assert!(read.sources.iter().all(|source| *source < passages));
            prop_assert!(!read.can_answer || has_words(&read.answer));
        }
    }

    #[test]
    fn what_a_faithful_model_writes_comes_through(text in "[a-z \"\\\\\n{}é🙂]{0,60}[a-z]", can_answer: bool, wants_human: bool) {
        let raw = json!({ "answer": text, "can_answer": can_answer, "sources": [1], "wants_human": wants_human });
        let read = parse(&raw.to_string(), 1).expect("what the test wrote");
        prop_assert_eq!(read, ModelAnswer { answer: text.trim().to_owned(), sources: vec![0], can_answer, wants_human, addressed: None });
    }
}
