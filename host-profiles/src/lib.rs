//! Host profiles: facts about the link in, files for the host computer out.
//!
//! The crate is a frame for now; each host family gets one small module and one template folder.
