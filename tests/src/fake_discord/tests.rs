//! The fake Discord, proved with twilight as its client and a webhook that does what a bot does.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};
use twilight_http::Client;
use twilight_http::api_error::ApiError;
use twilight_http::error::ErrorType;
use twilight_model::application::interaction::Interaction as Received;
use twilight_model::channel::message::AllowedMentions;
use twilight_model::id::Id;

use super::*;
use crate::server::{Server, client};

const SOON: Duration = Duration::from_secs(20);

fn twilight(discord: &FakeDiscord) -> Client {
    let host = discord.url().trim_start_matches("http://").to_owned();
    Client::builder().proxy(host, true).token(discord.token().to_owned()).build()
}

/// Checks the signature, reads the interaction as twilight does, and answers what the question says.
async fn webhook(State(key): State<Arc<VerifyingKey>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let signature = hex::decode(header("x-signature-ed25519")).ok().and_then(|hex| Signature::from_slice(&hex).ok());
    let message = [header("x-signature-timestamp").as_bytes(), &body].concat();
    if signature.is_none_or(|signature| key.verify_strict(&message, &signature).is_err()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let received: Received = serde_json::from_slice(&body).expect("twilight reads every interaction");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    match received.kind as u8 {
        1 => Json(json!({"type": 1})).into_response(),
        3 => Json(json!({"type": 6})).into_response(),
        4 => Json(json!({"type": 8, "data": {"choices": []}})).into_response(),
        _ if body["data"]["options"][0]["value"] == "fail" => Json(json!({"type": 99})).into_response(),
        _ => {
            let private = body["data"]["options"][1]["value"] == true;
            Json(json!({"type": 5, "data": {"flags": if private { 64 } else { 0 }}})).into_response()
        }
    }
}

async fn application(discord: &FakeDiscord) -> (Server, String) {
    let key = Arc::new(discord.shared.key.verifying_key());
    let server = Server::start(Router::new().route("/discord/webhook/", post(webhook)).with_state(key)).await;
    let url = format!("{}/discord/webhook/", server.url());
    (server, url)
}

fn code(error: &twilight_http::Error) -> u64 {
    match error.kind() {
        ErrorType::Response { error: ApiError::General(error), .. } => error.code,
        kind => panic!("not one of Discord's errors: {kind:?}"),
    }
}

#[tokio::test]
async fn an_answer_travels_from_question_to_eyes() {
    let discord = FakeDiscord::start().await;
    let (_server, url) = application(&discord).await;
    let bot = twilight(&discord);
    let interactions = bot.interaction(Id::new(discord.application_id()));
    let ann = discord.member("ann");

    let early = ann.ask("too early", false);
    let error = interactions.update_response(&early.token).content(Some("x")).await.expect_err("not answered yet");
    assert_eq!(code(&error), 10015);
    assert_eq!(discord.early_edits(), 1);

    let question = ann.asks(&url, "how long?", true).await.accepted();
    assert!(discord.reply_to(&question)[0].thinking);
    let edited = interactions
        .update_response(&question.token)
        .content(Some("31 months."))
        .allowed_mentions(Some(&AllowedMentions::default()))
        .await
        .expect("accepted")
        .model()
        .await
        .expect("twilight reads the message");
    assert_eq!(edited.webhook_id.map(Id::get), Some(discord.application_id()));
    assert_eq!(ann.sees().await, "(only you can see this) 31 months.");

    let more = interactions.create_followup(&question.token).content("And the hinge.").await.expect("accepted");
    let more = more.model().await.expect("a message");
    let metadata = more.interaction_metadata.expect("it answers an interaction");
    assert_eq!(metadata.original_response_message_id, Some(edited.id));
    assert_eq!(ann.sees().await, "(only you can see this) 31 months.\n\nAnd the hinge.");
    assert_eq!(discord.channel(discord.channel_id()).len(), 1, "what is private is not in the channel");
    discord.is_quiet();

    let long = "x".repeat(2_001);
    let body = json!({"content": long});
    let address = format!(
        "{}/api/v10/webhooks/{}/{}/messages/@original",
        discord.url(),
        discord.application_id(),
        question.token
    );
    let refused = client().patch(&address).json(&body).send().await.expect("reachable");
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.json::<Value>().await.expect("JSON")["code"], 50035);

    interactions.delete_response(&question.token).await.expect("deleted");
    assert_eq!(discord.reply_to(&question).len(), 1);
    discord.expire(&question, Expiry::InvalidToken);
    let error = interactions.response(&question.token).await.expect_err("too late");
    assert_eq!(code(&error), 50027);
}

#[tokio::test]
async fn twilight_reads_every_kind_of_interaction() {
    let discord = FakeDiscord::start().await;
    let (_server, url) = application(&discord).await;
    let ann = discord.member("ann").speaking("fr");
    assert_eq!(discord.pings_webhook(&url).await.failure, None);
    let said = ann.says("It squeaks.");
    ann.asks_about(&url, said).await.accepted();
    ann.types(&url, "how").await.accepted();
    ann.presses(&url, said, "vote:up").await.accepted();
    ann.submits(&url, Some(said), "feedback", &[("why", "wrong"), ("what", "all")]).await.accepted();

    let failed = ann.asks(&url, "fail", false).await;
    assert!(failed.failure.is_some());
    assert_eq!(discord.unseen().len(), 1, "{:?}", discord.unseen());
    assert!(discord.reply_to(&failed.interaction).is_empty());
    discord.is_quiet();

    let body = ann.ask("who?", false).body;
    for (what, forgery) in discord.forgeries(&body) {
        assert_eq!(discord.post(&url, &forgery).await.0, 401, "{what}");
    }
    let twice = ann.asks(&url, "again", false).await.accepted();
    assert_eq!(discord.deliver(&url, &twice).await.failure, None);
    assert_eq!(discord.reply_to(&twice).len(), 1);
}

#[tokio::test]
async fn channel_messages_are_sent_once_and_pings_are_seen() {
    let discord = FakeDiscord::start().await;
    let bot = twilight(&discord);
    let (channel, other) = (Id::new(discord.channel_id()), discord.add_channel(discord.guild_id(), "other"));
    let said = discord.member("ann").says("Hello?");
    let body = json!({
        "content": "Hello @everyone, see https://a.example", "nonce": "n1", "enforce_nonce": true,
        "message_reference": {"message_id": said.to_string()},
    });
    let bytes = body.to_string().into_bytes();
    let first = bot.create_message(channel).payload_json(&bytes).await.expect("sent").model().await.expect("a message");
    let second =
        bot.create_message(channel).payload_json(&bytes).await.expect("sent").model().await.expect("a message");
    assert_eq!(first.id, second.id);
    let pinged: Vec<String> = discord.pings().into_iter().map(|bother| bother.what).collect();
    assert_eq!(pinged, ["@everyone".to_owned(), format!("author of {said}")]);
    assert_eq!(discord.unfurls()[0].what, "https://a.example");
    assert_eq!(discord.unseen().len(), 1);

    let after =
        bot.channel_messages(channel).after(Id::new(said)).await.expect("listed").models().await.expect("messages");
    assert_eq!(after.iter().map(|message| message.id).collect::<Vec<_>>(), [first.id]);
    bot.update_message(channel, first.id).content(Some("Hello.")).await.expect("edited");
    bot.delete_message(channel, first.id).await.expect("deleted");
    assert_eq!(discord.channel(other), []);
    assert_eq!(discord.channel(channel.get()).len(), 1);
    let error = bot.create_message(channel).content(" ").await.expect_err("empty");
    assert_eq!(code(&error), 50006);
}

#[tokio::test]
async fn the_rest_reads_as_twilight_wants_it() {
    let discord = FakeDiscord::start().await;
    let bot = twilight(&discord);
    let app = Id::new(discord.application_id());
    bot.current_user_application().await.expect("shown").model().await.expect("an application");
    bot.current_user().await.expect("shown").model().await.expect("a user");
    bot.guild(Id::new(discord.guild_id())).await.expect("shown").model().await.expect("a guild");
    bot.channel(Id::new(discord.channel_id())).await.expect("shown").model().await.expect("a channel");
    bot.create_typing_trigger(Id::new(discord.channel_id())).await.expect("seen");
    let gateway = bot.gateway().authed().await.expect("shown").model().await.expect("a gateway");
    assert!(gateway.url.starts_with("ws://127.0.0.1:"));

    let address = format!("{}/api/v10/applications/{app}/commands", discord.url());
    let put = |body: Value| {
        client().put(&address).header("authorization", format!("Bot {}", discord.token())).json(&body).send()
    };
    let commands = json!([{"name": "ask", "description": "Ask", "type": 1, "options":
        [{"name": "question", "description": "What?", "type": 3, "required": true}]}]);
    assert_eq!(put(commands).await.expect("reachable").status(), 200);
    let listed = bot.interaction(app).global_commands().await.expect("listed").models().await.expect("commands");
    assert_eq!(listed[0].name, "ask");
    discord.next_on(
        &Method::PUT,
        "/applications/",
        1,
        Fault::Refused { status: 403, code: 50001, message: "Missing Access".into() },
    );
    assert_eq!(put(json!([])).await.expect("reachable").status(), 403);
    assert_eq!((discord.command_writes(), discord.commands().len()), (1, 1));
    let anybody = client().get(&address).send().await.expect("reachable");
    assert_eq!(anybody.status(), 401);
}

#[tokio::test]
async fn faults_come_as_planned() {
    let discord = FakeDiscord::start().await;
    let address = format!("{}/api/v10/channels/{}/messages", discord.url(), discord.channel_id());
    let send = || {
        let body = json!({"content": "x", "nonce": "same", "enforce_nonce": true});
        client().post(&address).header("authorization", format!("Bot {}", discord.token())).json(&body).send()
    };
    discord.next(1, Fault::Status(502));
    assert_eq!(send().await.expect("reachable").status(), 502);
    discord.next(1, Fault::Close);
    send().await.expect_err("closed before anything was done");
    assert!(discord.channel(discord.channel_id()).is_empty());
    discord.next(1, Fault::CloseAfter);
    send().await.expect_err("closed after it was done");
    assert_eq!(send().await.expect("reachable").status(), 200);
    assert_eq!(discord.channel(discord.channel_id()).len(), 1, "the nonce kept it single");
    let limit = Fault::RateLimited { retry_after: Duration::from_millis(1_500), global: false };
    discord.next(1, limit);
    let limited = send().await.expect("reachable");
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after"].as_bytes()), (429, &b"2"[..]));
    assert_eq!(limited.json::<Value>().await.expect("JSON")["retry_after"], 1.5);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(send().await.expect("reachable").status(), 429);
    assert_eq!(discord.violations(), 1);
    let statuses: Vec<u16> = discord.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [502, 0, 0, 200, 429, 429]);
}

#[tokio::test]
async fn an_interaction_from_the_gateway_is_answered_by_callback() {
    let discord = FakeDiscord::start().await;
    let bot = twilight(&discord);
    let ann = discord.member("ann");
    let question = ann.ask("how long?", false);
    let address = format!("{}/api/v10/interactions/{}/{}/callback", discord.url(), question.id, question.token);
    let answer = |kind: u64| client().post(&address).json(&json!({"type": kind})).send();
    assert_eq!(answer(5).await.expect("reachable").status(), 204);
    let again: Value = answer(5).await.expect("reachable").json().await.expect("JSON");
    assert_eq!(again["code"], 40060);
    let waits = tokio::spawn(discord.wait_for_reply(&question, SOON));
    bot.interaction(Id::new(discord.application_id()))
        .create_followup(&question.token)
        .content("It fills the deferred answer.")
        .await
        .expect("accepted");
    let seen = waits.await.expect("it came");
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].content, "It fills the deferred answer.");
}
