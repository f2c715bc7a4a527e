//! A vote on an answer: kept, and where it is against the answer, shown to the team.

use crate::discord::VoteId;
use crate::store::{Claim, OpenQuestion, Store, Vote};
use anyhow::Result;
use jiff::Timestamp;
use twilight_model::id::{Id, marker::GuildMarker};

/// Keeps a vote. Everything before the vote itself may be repeated, so that a person who had no thanks can click again.
pub(super) async fn cast(
    store: &Store,
    id: &VoteId,
    voter: u64,
    guild: Option<Id<GuildMarker>>,
    now: Timestamp,
) -> Result<()> {
    // Whose answer it is stands in its claim: what an interaction says, a team's own application can make up.
    let claim = store.claim_of(id.question).await?.filter(|claim| claim.conversation() == Some(&id.conversation));
    if let Some(claim) = claim {
        match id.vote {
            Vote::Down => against(store, id, &claim, voter, guild, now).await?,
            Vote::Up => {
                if let Some(account) = claim.account() {
                    store.take_back_downvote(account, id.question, voter).await?;
                }
            }
        }
    }
    store.vote(&id.conversation, id.question, voter, id.vote, now).await
}

async fn against(
    store: &Store,
    id: &VoteId,
    claim: &Claim,
    voter: u64,
    guild: Option<Id<GuildMarker>>,
    now: Timestamp,
) -> Result<()> {
    let Some(account) = claim.account() else { return Ok(()) };
    let Some(turn) = store.turn(&id.conversation, id.question).await? else { return Ok(()) };
    // What the documents did not answer is on the other list.
    if !turn.answered {
        return Ok(());
    }
    let question = OpenQuestion::new(id.question, &turn.question, turn.asked_at, now);
    let question = OpenQuestion { guild, channel: id.conversation.channel(), asked_by: claim.kind(), ..question };
    store.put_downvoted(account, &question.answered(&turn.answer, &turn.sources), voter).await
}
