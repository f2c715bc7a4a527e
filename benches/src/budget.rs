//! Several workers that send Discord as many requests as they may, on the table of one machine and on an emulated AWS.

use crate::measure::{self, Row};
use anyhow::{Context as _, Result};
use guildhall::store::Store;
use std::time::Duration;
use tests::local_aws::LocalAws;
use tests::server::data_folder;
use tests::workers::Workers;

/// Until all workers have found their pace.
const WARM_UP: Duration = Duration::from_secs(1);

/// How long is counted.
const COUNTED: Duration = Duration::from_secs(10);

/// What Discord takes in a second.
const PERMITTED: u64 = 50;

pub(crate) async fn run() -> Result<()> {
    let data = data_folder();
    let store = Store::new(standalone::table::open(&data.path().join("guildhall.db"))?, "guildhall");
    store.create_table().await?;
    let aws = LocalAws::start().await;
    let mut rows = Vec::new();
    for (count, on, store) in [
        (1, "one machine's table", &store),
        (2, "one machine's table", &store),
        (4, "one machine's table", &store),
        (8, "one machine's table", &store),
        (1, "ministack", &aws.store()),
        (2, "ministack", &aws.store()),
        (4, "ministack", &aws.store()),
        (8, "ministack", &aws.store()),
    ] {
        let workers = Workers::start(store, count).await;
        workers.ask(WARM_UP).await;
        let before = workers.discord.requests().len();
        let asking = async {
            workers.ask(COUNTED).await;
        };
        let counting = async {
            tokio::time::sleep(COUNTED).await;
            workers.discord.requests().len() - before
        };
        let ((), sent) = tokio::join!(asking, counting);
        let sent = u64::try_from(sent).context("a count")?;
        let (share, over) = (sent * 100 / (PERMITTED * COUNTED.as_secs()), workers.discord.over_global_limit());
        let what = |figure: &str| format!("{count} workers on {on}: {figure}");
        rows.push(Row::plain(what("of 50 requests a second"), format!("{share} %")).aiming("≥ 90 %", share >= 90));
        rows.push(Row::plain(what("429s"), over.to_string()).aiming("0", over == 0));
    }
    measure::print("budget: requests to Discord, all workers together, for ten seconds", &rows)
}
