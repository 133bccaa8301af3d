//! The responder as a process, on one end of a virtual cable: real clients and hostile ones at
//! the other end, in network namespaces of their own. Needs root; without it these tests fail.

mod answers;
mod cable;
mod clients;
mod endings;
mod hostile;
mod refusals;
mod sandboxed;
