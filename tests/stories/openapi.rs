//! What the API's description promises, tried with thousands of requests made up from it.

use std::process::Command;

use tests::python::{API, run, target};
use tests::world::{Start, World};

/// What the tool reads besides its options: who calls, and what a description cannot say.
const CONFIG: &str = include_str!("openapi.toml");

/// schemathesis sends what the description allows and what it does not, and looks whether the answers are among those that it
/// names: statuses, media types, bodies, headers, and that nothing is answered without a token or a session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_does_as_its_description_says() {
    // With signing in, because without it this very machine needs no token.
    let world = World::start(Start { with_sign_in: true, ..Start::default() }).await;
    world.knows("Refunds", "Opened packages can be returned within 30 days.").await;
    let mut browser = world.browser_of(&world.operator).await;
    let csrf = browser.csrf().await;
    let (address, session) = (world.address(), browser.cookies()["guildhall"].clone());
    let token = std::fs::read_to_string(world.data().join("local-token")).expect("serving writes it");
    let config = target().join("schemathesis.toml");
    std::fs::write(&config, CONFIG).expect("a file in cargo's folder");
    let tried = tokio::task::spawn_blocking(move || {
        let mut tool = Command::new(API.programs().join("schemathesis"));
        tool.envs([("TOKEN", token), ("SESSION", session), ("CSRF", csrf), ("ORIGIN", address.clone())]);
        tool.args(["--config-file", config.to_str().expect("cargo's folder has a name"), "run"])
            .arg(format!("{address}/api/v1/openapi.json"))
            .args(["--checks", "all", "--phases", "examples,coverage,fuzzing", "--max-examples", "25", "--seed", "1"])
            .args(["--generation-database", "none", "--no-color"]);
        run(&mut tool, "the API and its description disagree")
    });
    let tried = tried.await.expect("it ends");
    println!("{}", tried.lines().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n"));
    let log = world.log();
    assert!(!log.contains("panicked"), "{log}");
}
