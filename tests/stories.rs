//! Stories, told through Guildhall's outside doors.

mod stories {
    mod asking;
}
