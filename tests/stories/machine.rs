//! What an installation on one machine goes through: its first start, a port that is taken, a kill, its own token.

use guildhall::ids::{AccountId, SourceId};
use guildhall::job::Job;
use guildhall::store::StoredJob;
use reqwest::Method;
use serde_json::{Value, json};
use tests::process::{self, Process};
use tests::server;
use tests::world::{SOON, Start, World};

fn first() -> Start {
    Start { without_model: true, with_guide: true, ..Start::default() }
}

/// Names of the guide's pages among the sources, as soon as all are read.
async fn guide(world: &World) -> Vec<String> {
    server::eventually(SOON, async || {
        let (_, page) = world.api(Method::GET, "/knowledge/sources?limit=500", None).await;
        let sources = page["items"].as_array()?.clone();
        let read = !sources.is_empty() && sources.iter().all(|source| source["status"]["state"] == "ready");
        read.then(|| sources.iter().map(|source| source["title"].to_string()).collect())
    })
    .await
}

#[tokio::test]
async fn a_new_installation_answers_from_the_guide() {
    let world = World::start(first()).await;
    let pages = guide(&world).await;
    assert!(pages.len() > 20 && pages.iter().all(|page| page.contains("guildhall-guide/")), "{pages:?}");
    let ann = world.member("ann");
    ann.asks("How do I get an API token?").await;
    assert!(ann.sees().await.contains("guildhall token create"));
    world.is_quiet();
}

#[tokio::test]
async fn another_version_of_the_guide_leaves_removed_pages_removed() {
    let mut world = World::start(first()).await;
    let pages = guide(&world).await;
    let (_, listed) = world.api(Method::GET, "/knowledge/sources?limit=500", None).await;
    let removed = listed["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.api(Method::DELETE, &format!("/knowledge/sources/{removed}"), None).await.0, 204);
    world.kill().await;
    world.table().await.put_guide(&AccountId::local(), "older").await.unwrap();
    world.restart().await;
    server::eventually(SOON, async || (guide(&world).await.len() == pages.len() - 1).then_some(())).await;
    let given = || world.log().matches("the user guide is being indexed").count();
    server::eventually(SOON, async || (given() == 2).then_some(())).await;
}

#[tokio::test]
async fn a_first_start_that_is_killed_is_a_first_start_again() {
    let data = server::data_folder();
    let environment = [("GUILDHALL_ADDR", "127.0.0.1:0"), ("GUILDHALL_DATA", data.path().to_str().unwrap())];
    let mut guildhall = Process::start(process::binary("guildhall"), &["serve"], environment);
    // Made right after the account is written and before the first page is.
    let files = data.path().join("files");
    server::eventually(SOON, async || files.exists().then_some(())).await;
    guildhall.kill().await;
    guildhall.restart().await;
    guildhall.wait_for_line("the user guide is being indexed", SOON).await;
}

#[tokio::test]
async fn a_first_start_on_a_taken_port_leaves_nothing_behind() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, data) = (taken.local_addr().unwrap().to_string(), server::data_folder());
    let folder = data.path().join("new");
    let environment = [("GUILDHALL_ADDR", address.as_str()), ("GUILDHALL_DATA", folder.to_str().unwrap())];
    let mut guildhall = Process::start(process::binary("guildhall"), &["serve"], environment);
    assert!(!guildhall.wait().await.success());
    assert!(!folder.exists());

    drop(taken);
    guildhall.restart().await;
    guildhall.wait_for_line("the user guide is being indexed", SOON).await;
}

#[tokio::test]
async fn only_the_machine_manages_tokens_and_it_cannot_lock_itself_out() {
    let world = World::start(Start::default()).await;
    let (status, made) = world.api(Method::POST, "/tokens", Some(json!({"name": "website"}))).await;
    assert_eq!((status, &made["manage_tokens"]), (201, &Value::Bool(false)));
    let website = made["token"].as_str().unwrap();
    let base = world.webhook().replace("/discord/webhook/", "/api/v1");
    for (method, path) in [(Method::GET, "/tokens".to_owned()), (Method::POST, "/tokens".to_owned())] {
        let asked = server::client().request(method, format!("{base}{path}")).bearer_auth(website);
        assert_eq!(asked.json(&json!({"name": "more"})).send().await.unwrap().status(), 403);
    }
    let (_, all) = world.api(Method::GET, "/tokens", None).await;
    let own = all["items"].as_array().unwrap().iter().find(|token| token["name"] == "this machine").unwrap();
    let path = format!("/tokens/{}", own["id"].as_str().unwrap());
    let (status, problem) = world.api(Method::DELETE, &path, None).await;
    assert_eq!(status, 403, "{problem}");
    assert_eq!(world.api(Method::GET, "/tokens", None).await.0, 200);
}

#[tokio::test]
async fn a_machines_token_that_is_unknown_is_made_anew() {
    let mut world = World::start(Start::default()).await;
    world.kill().await;
    std::fs::write(world.data().join("local-token"), "gh_worthless").unwrap();
    world.restart().await;
    assert_eq!(world.api(Method::GET, "/me", None).await.0, 200);
}

#[tokio::test]
async fn a_command_without_a_server_leaves_what_is_unfinished_to_the_next_start() {
    let mut world = World::start(Start::default()).await;
    assert!(world.stop().await.success());
    let now = "2026-11-24T10:00:00Z".parse().unwrap();
    let read =
        Job::Read { account: AccountId::local(), source: SourceId("src-gone".to_owned()), asked_at: now, part: 0 };
    let (id, group, body) = (read.id(), read.group(), read.to_message());
    let left = StoredJob { id, group, body, accepted: 1, attempts: 1, deaths: 0, not_before: now };
    world.table().await.write_jobs(std::slice::from_ref(&left), &[]).await.unwrap();

    let environment = [("GUILDHALL_DATA", world.data().to_str().unwrap())];
    let mut command = Process::start(process::binary("guildhall"), &["token", "list"], environment);
    assert!(command.wait().await.success());
    assert_eq!(world.table().await.pending_jobs().await.unwrap(), [left], "untouched, and no death is counted");

    world.restart().await;
    assert!(world.stop().await.success());
    assert_eq!(world.table().await.pending_jobs().await.unwrap(), []);
}
