//! One binary of topic modules. Everything goes through the real `regen`, real cargo, real files;
//! only the model is played, by a server that speaks HTTP.
#![expect(clippy::disallowed_methods, reason = "tests touch the world")]

mod check;
mod cli;
mod console;
mod contract;
mod control;
mod corpus;
mod demo;
mod diff;
mod endurance;
mod faults;
mod formats;
mod gates;
mod hidden;
mod isolation;
mod lint;
mod origin;
mod page;
mod pipelines;
mod proof;
mod recovery;
mod attacks;
mod refusals;
mod rollback;
mod schedule;
mod server;
mod sim;
mod standing;
mod tidy;
mod tls;
mod trace;
mod trip;
mod upgrade;
mod vm;
mod watch;
mod world;
