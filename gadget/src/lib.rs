//! usbnet: the device end of a USB cable, done right.
//!
//! Data flows one way: configuration + observation → plan → apply → read back → event.
//! Deciding code is pure; only [`sys`] and the two loops ([`daemon`], [`responder`]) do I/O,
//! with the root path injected.

pub mod cards;
pub mod cli;
pub mod config;
pub mod control;
pub mod daemon;
pub mod dhcp;
pub mod dns;
pub mod exit;
pub mod gather;
pub mod identity;
pub mod link;
pub mod mode;
pub mod plan;
pub mod printable;
pub mod profile;
pub mod responder;
pub mod sys;
