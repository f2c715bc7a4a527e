//! The whole system, deployed into the AWS of the tests by the same `sam deploy` that people use.

mod deployed {
    mod stories; // what is asked of it
    mod system; // how it comes to be there
}
