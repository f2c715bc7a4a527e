//! Stories, told through Guildhall's outside doors.

mod stories {
    mod asking; // a question, its answer, and what can be done with it
    mod hostile; // documents, models and members that mean harm
    mod quota; // what is counted
    mod redelivery; // deliveries that repeat, processes that die
    mod refused; // what the webhook does not take
    mod trouble; // the model, Discord, the embeddings, the disk fail
}
