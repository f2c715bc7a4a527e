//! Discord's requests a second, shared by several workers on one table.

use std::time::Duration;

use guildhall::store::Store;
use reqwest::Method;
use tests::fake_discord::Fault;
use tests::server::data_folder;
use tests::workers::Workers;
use tokio::time::Instant;
use twilight_model::id::Id;

const WORKERS: usize = 4;

async fn workers(data: &tempfile::TempDir) -> Workers {
    let client = standalone::table::open(&data.path().join("guildhall.db")).expect("the table's file opens");
    let store = Store::new(client, "guildhall");
    store.create_table().await.expect("a fresh file takes a table");
    Workers::start(&store, WORKERS).await
}

/// How much of what is permitted they use depends on the machine; `bench budget` measures it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_at_once_cause_no_429() {
    let data = data_folder();
    let fleet = workers(&data).await;
    let began = Instant::now();
    let answered = fleet.ask(Duration::from_secs(4)).await;
    let share = 2 * answered * 1_000 / usize::try_from(began.elapsed().as_millis()).expect("a few seconds");
    eprintln!("{WORKERS} workers used {share} % of 50 requests a second");
    assert_eq!(fleet.discord.over_global_limit(), 0);
    assert!(fleet.discord.requests().iter().all(|request| request.status == 200));

    // What answers interactions is not counted.
    let application = Id::new(fleet.discord.application_id());
    let asked = fleet.ask(Duration::from_secs(1));
    let answer = fleet.clients[0].original(application, "unknown");
    let (_, answer) = tokio::join!(asked, answer);
    assert!(answer.is_err());
    let mut webhooks = fleet.discord.requests();
    webhooks.retain(|request| request.path.starts_with("/webhooks/"));
    assert!(!webhooks.is_empty() && webhooks.iter().all(|request| request.status != 429));
    assert_eq!(fleet.discord.over_global_limit(), 0);
}

/// Somebody else uses the same token, and Discord says so to one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_workers_heed_what_discord_tells_one_of_them() {
    let data = data_folder();
    let fleet = workers(&data).await;
    fleet.ask(Duration::from_millis(500)).await;
    let pause = Duration::from_secs(2);
    fleet.discord.next_on(&Method::GET, "/channels", 1, Fault::RateLimited { retry_after: pause, global: true });
    let before = fleet.discord.requests().len();
    let began = Instant::now();
    fleet.ask(Duration::from_millis(2_500)).await;
    assert!(began.elapsed() >= pause);
    let refused = fleet.discord.requests()[before..].iter().filter(|request| request.status == 429).count();
    // The others may use the slots that they have in hand before they look into the table again.
    assert!((1..=WORKERS * 16).contains(&refused), "{refused} were refused");
    assert!(fleet.discord.requests().last().is_some_and(|request| request.status == 200), "and then they go on");
}
