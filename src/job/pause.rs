//! How long a job that has failed waits for its next attempt, and when it is given up: the same by every queue.

use super::Job;
use jiff::Timestamp;
use std::time::Duration;

/// Before the second, third, … attempt.
const PAUSES: [Duration; 4] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), LONGEST];

/// Before every attempt that follows those.
pub(super) const LONGEST: Duration = Duration::from_mins(2);

/// The pause after so many attempts, of which a queue allows `most`; none when the job is given up. What somebody waits for
/// is tried for as long as they do, and given up while they can still be told; everything else is tried five times. A job
/// that could not even be fetched may be one that somebody waits for.
pub(super) fn pause_after(attempts: u32, most: u32, job: Option<&Job>, now: Timestamp) -> Option<Duration> {
    if attempts >= most {
        return None;
    }
    let tried = usize::try_from(attempts).unwrap_or(usize::MAX);
    if let Some(pause) = PAUSES.get(tried.saturating_sub(1)) {
        return Some(*pause);
    }
    let is_worth_it = job.is_none_or(|job| job.worth_trying_until().is_some_and(|until| now + LONGEST < until));
    is_worth_it.then_some(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::super::sqs::Queue;
    use super::*;
    use crate::ids::{AccountId, ConversationId, QuestionId};
    use crate::question::{Heard, Place, Question, ReplyTo};
    use jiff::SignedDuration;

    fn question(asked_at: Timestamp) -> Job {
        Job::Answer(Box::new(Question {
            id: QuestionId(1),
            place: Place::DirectMessage,
            conversation: ConversationId::of_person(3, 4),
            text: "Why?".to_owned(),
            asker: "Ann".to_owned(),
            locale: None,
            asked_at,
            reply_to: ReplyTo::Caller,
            messages: Vec::new(),
            heard: Heard::Directly,
        }))
    }

    /// When a job is given up that fails at once each time, and after how many attempts.
    fn end_of(most: u32, job: Option<&Job>, began: Timestamp) -> (SignedDuration, u32) {
        let (mut now, mut attempts) = (began, 1);
        while let Some(pause) = pause_after(attempts, most, job, now) {
            now += pause;
            attempts += 1;
        }
        (now.duration_since(began), attempts)
    }

    #[test]
    fn a_question_is_tried_for_as_long_as_somebody_waits_and_given_up_while_they_can_be_told() {
        let began: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let minutes = SignedDuration::from_mins;
        for most in [u32::MAX, Queue::Questions.max_receives()] {
            let (end, attempts) = end_of(most, Some(&question(began)), began);
            assert!((minutes(12)..minutes(15)).contains(&end), "given up after {end:?}");
            assert!(attempts < most, "{attempts} attempts");
            // One that was asked long ago is tried all the same, as it may have waited for others.
            assert_eq!(end_of(most, Some(&question(began - minutes(60))), began).1, 5);
            let index = Job::Index { account: AccountId::local(), request: "1".to_owned() };
            assert_eq!(end_of(most, Some(&index), began), (SignedDuration::from_secs(156), 5));
        }
        assert_eq!(end_of(Queue::Questions.max_receives(), None, began).1, Queue::Questions.max_receives());
        assert_eq!(end_of(Queue::Ingest.max_receives(), None, began).1, 5);
    }
}
