//! What the API's description promises, tried with thousands of requests made up from it.

use std::process::Command;

use tests::python::{API, run, target};
use tests::world::{Start, World};

/// What the tool reads besides its options: who calls, and what a description cannot say. Once as a program with a token,
/// once as a person with a session.
const WITH_TOKEN: &str = include_str!("openapi.toml");
const AS_A_PERSON: &str = include_str!("openapi-people.toml");

/// The operations that a token cannot do.
const OF_PEOPLE: &str = r"^/(accounts|accounts/\{id\}|me/accounts?|me/accounts/\{id\})$";

/// schemathesis sends what the description allows and what it does not, and looks whether the answers are among those that it
/// names: statuses, media types, bodies, headers, and that nothing is answered without a token or a session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_does_as_its_description_says() {
    // With signing in, because without it this very machine needs no token.
    let world = World::start(Start { with_sign_in: true, ..Start::default() }).await;
    world.knows("Refunds", "Opened packages can be returned within 30 days.").await;
    let mut browser = world.browser_of(&world.operator).await;
    let csrf = browser.csrf().await;
    let session = browser.cookies()["guildhall"].clone();
    let token = std::fs::read_to_string(world.data().join("local-token")).expect("serving writes it");
    let callers = [("TOKEN", token), ("SESSION", session), ("CSRF", csrf), ("ORIGIN", world.address())];
    let tried = tokio::task::spawn_blocking(move || {
        [("token", WITH_TOKEN, "--exclude-path-regex"), ("person", AS_A_PERSON, "--include-path-regex")].map(
            |(name, config, choice)| {
                let file = target().join(format!("schemathesis-{name}.toml"));
                std::fs::write(&file, config).expect("a file in cargo's folder");
                let mut tool = Command::new(API.programs().join("schemathesis"));
                tool.current_dir(target())
                    .envs(callers.clone())
                    .args(["--config-file", file.to_str().expect("cargo's folder has a name"), "run"])
                    .arg(format!("{}/api/v1/openapi.json", callers[3].1))
                    .args([choice, OF_PEOPLE, "--checks", "all", "--phases", "examples,coverage,fuzzing"])
                    .args(["--max-examples", "25", "--seed", "1", "--generation-database", "none", "--no-color"]);
                run(&mut tool, "the API and its description disagree")
            },
        )
    });
    for tried in tried.await.expect("it ends") {
        let summary = tried.split_once(" SUMMARY ").map_or(tried.as_str(), |(_, summary)| summary);
        eprintln!("{summary}");
    }
    let log = world.log();
    assert!(!log.contains("panicked"), "{log}");
}
