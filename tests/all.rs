//! One binary of whole-program and property tests.
