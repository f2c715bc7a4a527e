//! Stories, told through Guildhall's outside doors.

mod stories {
    mod access; // who may do what
    mod asking; // a question, its answer, and what can be done with it
    mod aws; // the queues of AWS
    mod browser; // a person with a screen, from nothing to a server that answers
    mod budget; // Discord's requests a second, shared by workers
    mod channels; // questions heard over the gateway
    mod custom_bot; // a team's own bot, beside the shared one or without it
    mod documents; // files as they come, and what stories do with them
    mod events; // what a team hears of, by e-mail
    mod gateway; // questions in channels while something goes wrong
    mod hostile; // documents, models and members that mean harm
    mod hostile_documents; // files and sites that mean harm
    mod knowledge; // what a team teaches, and how it changes
    mod long_site; // a site that takes longer than one job may, and readings that got lost
    mod machine; // first starts, kills and tokens on one machine
    mod members; // who belongs to an account, and who changed what
    mod numbers; // what is counted, by day and kind, and what was not answered
    mod openapi; // whether the API does as its description says
    mod pages; // what admins see and set, with a browser that knows no scripts
    mod quota; // what is counted
    mod races; // reading, publishing, removing and adding again at the same time
    mod redelivery; // deliveries that repeat, processes that die
    mod refused; // what the webhook does not take
    mod refusing_aws; // AWS refuses, or is away
    mod servers; // what Discord says of servers, what is wrong with them, and how they come and go
    mod settings; // what a server is set to
    mod signing_in; // who comes in, and how
    mod source_lists; // which sources stand on which list
    mod table; // what the table promises, on one machine and on AWS
    mod templates; // what would be made on AWS
    mod trouble; // the model, Discord, the embeddings, the disk fail
}
