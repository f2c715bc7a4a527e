use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::*;

/// One request as the fake saw it.
struct Seen {
    path: String,
    authorization: Option<String>,
    body: Value,
}

/// What to answer to the n-th request, by its body.
type Answer = dyn Fn(usize, &Value) -> Response + Send + Sync;

/// A model server that answers the n-th request as the test's function says.
#[derive(Clone)]
struct Fake {
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<Answer>,
    base: Option<Url>,
}

impl Fake {
    async fn start(answer: impl Fn(usize, &Value) -> Response + Send + Sync + 'static) -> Self {
        async fn handle(State(fake): State<Fake>, uri: Uri, headers: HeaderMap, body: String) -> Response {
            let body: Value = serde_json::from_str(&body).expect("a request in JSON");
            let authorization = headers.get("authorization").map(|value| value.to_str().expect("ASCII").to_owned());
            let count = {
                let mut seen = fake.seen.lock().expect("no test panicked with it");
                seen.push(Seen { path: uri.to_string(), authorization, body: body.clone() });
                seen.len()
            };
            (fake.answer)(count, &body)
        }
        let mut fake = Self { seen: Arc::default(), answer: Arc::new(answer), base: None };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        fake.base =
            Some(Url::parse(&format!("http://{}/v1", listener.local_addr().expect("an address"))).expect("an address"));
        let app = Router::new().fallback(handle).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        fake
    }

    fn llm(&self) -> Llm {
        llm(self.base.clone().expect("an address"))
    }

    fn bodies(&self) -> Vec<Value> {
        self.seen.lock().expect("an address").iter().map(|seen| seen.body.clone()).collect()
    }
}

fn llm(base: Url) -> Llm {
    // The client has no cryptography of its own to fall back on; a second installation is refused and harmless.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    Llm::new(base, Some(SecretString::from("key-of-the-test")), "small".to_owned(), http, Duration::from_secs(20))
}

fn says(text: &str) -> Response {
    axum::Json(json!({
        "choices": [{ "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 12, "completion_tokens": 3 },
    }))
    .into_response()
}

fn refuses(status: u16, words: &str) -> Response {
    let body = axum::Json(json!({ "error": { "message": words } }));
    (StatusCode::from_u16(status).expect("a status"), body).into_response()
}

async fn ask(llm: &Llm) -> Result<Completion, LlmError> {
    let messages = [Message { role: Role::User, content: "Secret words?".to_owned() }];
    llm.complete(&messages, &json!({ "type": "object" })).await
}

#[tokio::test]
async fn a_question_is_answered() {
    let fake = Fake::start(|_, _| says("42")).await;
    let completion = ask(&fake.llm()).await.expect("an answer");
    assert_eq!(
        completion,
        Completion {
            text: "42".to_owned(),
            finish_reason: Some("stop".to_owned()),
            prompt_tokens: Some(12),
            completion_tokens: Some(3)
        }
    );
    let seen = fake.seen.lock().expect("no test panicked with it");
    assert_eq!(seen[0].path, "/v1/chat/completions");
    assert_eq!(seen[0].authorization.as_deref(), Some("Bearer key-of-the-test"));
    insta::assert_snapshot!(serde_json::to_string_pretty(&seen[0].body).expect("JSON"), @r#"
    {
      "max_tokens": 1500,
      "messages": [
        {
          "content": "Secret words?",
          "role": "user"
        }
      ],
      "model": "small",
      "response_format": {
        "json_schema": {
          "name": "answer",
          "schema": {
            "type": "object"
          },
          "strict": true
        },
        "type": "json_schema"
      },
      "temperature": 0.2
    }
    "#);
}

#[test]
fn the_path_is_appended_to_the_base_as_it_is_given() {
    for (base, endpoint) in [
        ("http://host/v1", "http://host/v1/chat/completions"),
        ("http://host/v1/", "http://host/v1/chat/completions"),
        ("http://host", "http://host/chat/completions"),
        ("http://host/a?api-version=2", "http://host/a/chat/completions?api-version=2"),
    ] {
        assert_eq!(llm(Url::parse(base).expect("an address")).endpoint.as_str(), endpoint);
    }
}

#[tokio::test]
async fn a_server_without_schemas_is_asked_again_without_one_and_then_never_with_one() {
    let fake = Fake::start(|_, body| {
        if body.get("response_format").is_some() { refuses(400, "unknown field response_format") } else { says("ok") }
    })
    .await;
    let llm = fake.llm();
    assert_eq!(ask(&llm).await.expect("an answer").text, "ok");
    assert_eq!(ask(&llm).await.expect("an answer").text, "ok");
    let with_schema: Vec<bool> = fake.bodies().iter().map(|body| body.get("response_format").is_some()).collect();
    assert_eq!(with_schema, [true, false, false]);
}

#[tokio::test]
async fn a_400_for_another_reason_teaches_nothing() {
    let fake = Fake::start(|count, _| if count <= 2 { refuses(400, "prompt too long") } else { says("ok") }).await;
    let llm = fake.llm();
    assert_eq!(ask(&llm).await, Err(LlmError::Refused { status: 400 }));
    assert_eq!(ask(&llm).await.expect("an answer").text, "ok");
    let with_schema: Vec<bool> = fake.bodies().iter().map(|body| body.get("response_format").is_some()).collect();
    assert_eq!(with_schema, [true, false, true]);
}

#[tokio::test]
async fn a_reasoning_model_gets_the_parameters_that_it_takes() {
    let fake = Fake::start(|_, body| {
        if body.get("max_tokens").is_some() {
            refuses(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        } else if body.get("temperature").is_some() {
            refuses(400, "Unsupported value: 'temperature' does not support 0.2")
        } else {
            says("ok")
        }
    })
    .await;
    let llm = fake.llm();
    assert_eq!(ask(&llm).await.expect("an answer").text, "ok");
    assert_eq!(ask(&llm).await.expect("an answer").text, "ok");
    let bodies = fake.bodies();
    assert_eq!(bodies.len(), 4, "two refusals are learned from once");
    assert_eq!(bodies[3]["max_completion_tokens"], json!(8000));
    assert!(bodies[3].get("response_format").is_some());
}

#[tokio::test]
async fn a_busy_or_failing_server_is_asked_once_more() {
    for status in [429, 500, 503] {
        let fake = Fake::start(move |count, _| {
            if count == 1 {
                let mut response = refuses(status, "later");
                response.headers_mut().insert("retry-after", "0".parse().expect("a header"));
                response
            } else {
                says("ok")
            }
        })
        .await;
        assert_eq!(ask(&fake.llm()).await.expect("an answer").text, "ok");
        assert_eq!(fake.bodies().len(), 2);
    }
}

#[tokio::test]
async fn it_is_not_asked_a_third_time() {
    let fake = Fake::start(|_, _| refuses(429, "later")).await;
    assert_eq!(ask(&fake.llm()).await, Err(LlmError::RateLimited));
    assert_eq!(fake.bodies().len(), 2);
}

#[tokio::test]
async fn a_pause_beyond_the_deadline_is_not_waited_for() {
    let fake = Fake::start(|_, _| {
        let mut response = refuses(429, "later");
        response.headers_mut().insert("retry-after", "3600".parse().expect("a header"));
        response
    })
    .await;
    assert_eq!(ask(&fake.llm()).await, Err(LlmError::RateLimited));
    assert_eq!(fake.bodies().len(), 1);
}

#[tokio::test]
async fn wrong_keys_and_models_are_refusals() {
    for status in [401, 403, 404] {
        let fake = Fake::start(move |_, _| refuses(status, "no")).await;
        assert_eq!(ask(&fake.llm()).await, Err(LlmError::Refused { status }));
        assert_eq!(fake.bodies().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_its_address_stays_out_of_the_error() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let error =
        ask(&llm(Url::parse(&format!("http://{address}/v1")).expect("an address"))).await.expect_err("a failure");
    assert_eq!(error, LlmError::Unavailable("no connection".to_owned()));
    assert!(!error.to_string().contains(&address.to_string()));
}

#[tokio::test]
async fn a_server_that_never_answers_meets_the_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = Url::parse(&format!("http://{}/v1", listener.local_addr().expect("an address"))).expect("an address");
    let mut llm = llm(base);
    llm.deadline = Duration::from_millis(100);
    let error = ask(&llm).await.expect_err("a failure");
    assert_eq!(error, LlmError::Unavailable("no complete response within 100 ms".to_owned()));
}

#[tokio::test]
async fn what_is_not_a_completion_is_a_bad_response() {
    let bodies: [fn() -> Response; 4] = [
        || "<html>hello</html>".into_response(),
        || axum::Json(json!({ "error": { "message": "overloaded" } })).into_response(),
        || axum::Json(json!({ "choices": [] })).into_response(),
        || says(&"x".repeat(2 * 1024 * 1024)),
    ];
    for body in bodies {
        let fake = Fake::start(move |_, _| body()).await;
        let error = ask(&fake.llm()).await.expect_err("a failure");
        assert!(matches!(error, LlmError::BadResponse(_)), "{error}");
    }
}

#[tokio::test]
async fn text_may_come_in_parts_or_not_at_all() {
    let parts = json!([{ "type": "thinking" }, { "type": "text", "text": "o" }, { "type": "text", "text": "k" }]);
    for (content, text) in [(parts, "ok"), (Value::Null, "")] {
        let body = json!({ "choices": [{ "message": { "content": content }, "finish_reason": "length" }] });
        let fake = Fake::start(move |_, _| axum::Json(body.clone()).into_response()).await;
        assert_eq!(ask(&fake.llm()).await.expect("an answer").text, text);
    }
}

#[test]
fn a_pause_is_read_as_seconds_or_as_a_date() {
    let now = httpdate::parse_http_date("Tue, 24 Nov 2026 07:00:00 GMT").expect("a date");
    let pause = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().expect("a header"));
        retry_after(&headers, now)
    };
    assert_eq!(pause("7"), Some(Duration::from_secs(7)));
    assert_eq!(pause("Tue, 24 Nov 2026 07:01:30 GMT"), Some(Duration::from_secs(90)));
    assert_eq!(pause("Tue, 24 Nov 2026 06:00:00 GMT"), Some(Duration::ZERO));
    assert_eq!(pause("soon"), None);
    assert_eq!(pause("-1"), None);
}
