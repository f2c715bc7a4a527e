//! What Discord does not let the bot do.

use super::{QUESTION, somebody_is_answered, thinks, workshop};
use axum::http::Method;
use guildhall::store::TroubleKind;
use std::time::Duration;
use tests::fake_discord::{Denied, Fault};
use tests::server::eventually;
use tests::world::SOON;
use twilight_model::id::Id;

#[tokio::test]
async fn where_the_bot_may_not_post_it_is_recorded_and_not_counted() {
    let mut world = workshop().await;
    let ann = world.member("ann").member;
    let closed = world.discord.add_channel(ann.guild_id, "announcements");
    world.discord.deny(closed, &[Denied::Send]);
    let refused = async |times: usize| {
        eventually(SOON, async || {
            let path = format!("/channels/{closed}/messages");
            let requests = world.discord.requests();
            let refused = requests.iter().filter(|request| request.path == path && request.status == 403).count();
            (refused == times).then_some(())
        })
        .await;
    };
    ann.clone().at(closed).tells_bot(QUESTION);
    refused(1).await;
    ann.clone().at(closed).tells_bot(QUESTION);
    refused(2).await;

    // A reply needs the history that may be denied, and a message that is there: then it is a plain message.
    let hidden = world.discord.add_channel(ann.guild_id, "hidden");
    world.discord.deny(hidden, &[Denied::History]);
    ann.clone().at(hidden).tells_bot(QUESTION);
    let said = async |place: u64, count: usize| {
        let said = async || {
            let said: Vec<_> = world.discord.channel(place).into_iter().filter(|seen| seen.author != "ann").collect();
            (said.len() == count).then_some(said)
        };
        eventually(SOON, said).await
    };
    assert_eq!(said(hidden, 1).await[0].replies_to, None);
    let unsure = world.discord.add_channel(ann.guild_id, "unsure");
    for (at, code) in [10_008, 50_035].into_iter().enumerate() {
        let fault = Fault::Refused { status: 400, code, message: "planned".to_owned() };
        world.discord.next_on(&Method::POST, &format!("/channels/{unsure}/messages"), 1, fault);
        ann.clone().at(unsure).tells_bot(QUESTION);
        let said = said(unsure, at + 1).await;
        assert_eq!(said[at].replies_to, None, "{code}");
    }
    // The channel itself is gone while the answer is on its way.
    let gone = world.discord.add_channel(ann.guild_id, "gone");
    world.model.next(tests::fake_model::Fault::Slow(Duration::from_millis(500)));
    ann.clone().at(gone).tells_bot(QUESTION);
    thinks(&world, 6).await;
    world.discord.delete_channel(gone);
    tokio::time::sleep(Duration::from_millis(500)).await;
    somebody_is_answered(&world, unsure).await;

    assert_eq!(world.used().await, 4, "only what is there was counted");
    world.is_quiet();
    world.stop().await;
    let store = world.table().await;
    assert_eq!((store.dead_jobs().await.unwrap().len(), store.pending_jobs().await.unwrap().len()), (0, 0));
    let mut troubles = store.troubles(Id::new(ann.guild_id)).await.unwrap();
    troubles.sort_by_key(|trouble| trouble.code);
    let troubles: Vec<_> =
        troubles.iter().map(|trouble| (trouble.channel.get(), trouble.kind, trouble.code, trouble.count)).collect();
    assert_eq!(troubles, [(gone, TroubleKind::Post, 10_003, 1), (closed, TroubleKind::Post, 50_013, 2)]);
}
