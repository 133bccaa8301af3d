//! What a package installs: the program's documentation.

mod docs;
