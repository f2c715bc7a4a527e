//! `gateway-floor [ADDRESS]`: the least that a client of Discord's gateway can be. It reads what comes from there with
//! twilight and does nothing with it. Without an address it is a runtime in which nothing happens.

use futures::StreamExt as _;
use twilight_gateway::{ConfigBuilder, Intents, Shard, ShardId};

#[tokio::main]
async fn main() {
    let Some(url) = std::env::args().nth(1) else { return std::future::pending().await };
    tests::server::use_crypto();
    let config = ConfigBuilder::new("token".to_owned(), Intents::GUILDS | Intents::GUILD_MESSAGES).proxy_url(url);
    let mut shard = Shard::with_config(ShardId::ONE, config.build());
    let reading = tokio::spawn(async move {
        while let Some(Ok(message)) = shard.next().await {
            std::hint::black_box(&message);
        }
    });
    reading.await.expect("nothing in there panics");
}
