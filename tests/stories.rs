//! Stories, told through Guildhall's outside doors.

mod stories {
    mod asking;
    mod documents; // files as they come, and what stories do with them
    mod hostile_documents;
    mod knowledge;
}
