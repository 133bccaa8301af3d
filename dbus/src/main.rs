//! usbnet-dbus: usb-moded's D-Bus interface for usbnet, so that the front ends written for usb-moded find a service.
//!
//! It has no privileges of its own: it talks to usbnet's control socket, and keeps in a directory of its own what usbnet
//! has no place for.

mod args;
mod bridge;
mod cable;
mod control;
mod failure;
mod limit;
mod object;
mod permit;
mod settings;
mod shared;
mod typed;
mod view;
mod watch;
mod words;

use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use clap::Parser;
use futures_lite::StreamExt;
use zbus::fdo::RequestNameFlags;
use zbus::object_server::SignalEmitter;

use args::Arguments;
use bridge::Bridge;
use control::Control;
use limit::Calls;
use object::{NAME, PATH, UsbModed, emit};
use permit::Gate;
use settings::Settings;
use typed::Typed;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::new().filter_or("USBNET_LOG", "info")).init();
    match async_io::block_on(serve(Arguments::parse())) {
        Ok(End::NameLost) => {
            log::error!(
                "another one has the name {NAME} on the bus now; if that is no usbnet-dbus, remove it"
            );
        }
        Ok(End::BusLost) => {
            log::error!(
                "the connection to the bus is lost: the bus has ended or closed it; \
                 once there is a bus again, start usbnet-dbus again"
            );
        }
        Err(error) => log::error!("{NAME} is not on the bus: {error}; is the bus policy installed?"),
    }
    ExitCode::FAILURE
}

/// Why there is nobody to serve any more.
#[derive(Debug)]
enum End {
    /// Another one has it.
    NameLost,
    /// The bus is gone, or has thrown this process out.
    BusLost,
}

async fn serve(arguments: Arguments) -> zbus::Result<End> {
    let file = arguments.state.join("settings.json");
    let settings = Settings::load(&file).unwrap_or_else(|error| {
        log::warn!("{}: {error}; it is replaced when a setting is changed", file.display());
        Settings::default()
    });
    let (signals, received) = mpsc::channel();
    let patience = Duration::from_secs(arguments.patience);
    let bridge = Arc::new(Bridge::new(arguments.run, file, patience, settings, signals));
    if let Err(error) = bridge.refresh() {
        log::warn!("{error}");
    }
    // Whoever asks after these has come too early for them.
    for _ in received.try_iter() {}

    let (gate, calls) = (Arc::new(Gate::default()), Arc::new(Calls::default()));
    let object = Typed::new(UsbModed::new(Arc::clone(&bridge), Arc::clone(&gate)), Arc::clone(&calls));
    let control = Typed::new(Control::new(Arc::clone(&bridge), gate), calls);
    let builder = zbus::connection::Builder::system()?.serve_at(PATH, object)?.serve_at(PATH, control)?;
    let bus = builder.build().await?;
    let mut lost = zbus::fdo::DBusProxy::new(&bus).await?.receive_name_lost().await?;
    // A service manager's takes over from the one that the bus has started for an early caller.
    let flags =
        RequestNameFlags::DoNotQueue | RequestNameFlags::AllowReplacement | RequestNameFlags::ReplaceExisting;
    bus.request_name_with_flags(NAME, flags).await?;
    thread::spawn(move || watch::watch(&bridge));
    let emitter = SignalEmitter::new(&bus, PATH)?.to_owned();
    thread::spawn(move || {
        for signal in received {
            log::debug!("{signal:?}");
            if let Err(error) = async_io::block_on(emit(&emitter, &signal)) {
                log::warn!("{signal:?} is not sent: {error}");
            }
        }
    });
    while let Some(name) = lost.next().await {
        if name.args().is_ok_and(|name| name.name == NAME) {
            return Ok(End::NameLost);
        }
    }
    Ok(End::BusLost)
}
