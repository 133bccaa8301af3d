//! From one message's bytes to a typed call, and the part of Varlink that every service answers itself.

use serde_json::{Value, json};

use super::api::WAIT_SECONDS;
use super::parameters::{Invalid, Parameters};
use super::{Call, DESCRIPTION, INTERFACE, Reply, Request, SetMode, Stop};
use crate::config::OnBusy;

const SERVICE: &str = "org.varlink.service";
const SERVICE_DESCRIPTION: &str = include_str!("org.varlink.service.varlink");

/// What to do with one message.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// Do this, and reply unless `oneway`; reply repeatedly if `more`.
    Call {
        /// What.
        call: Call,
        /// The caller wants a reply for each event.
        more: bool,
        /// The caller wants no reply.
        oneway: bool,
    },
    /// Send this; nothing else is to be done.
    Answer(Reply),
    /// Nothing is to be sent either (a failed `oneway` call).
    Silence,
    /// It is not Varlink: close the connection.
    Garbage,
}

/// Understands one message (without its NUL).
#[must_use]
pub fn receive(message: &[u8]) -> Incoming {
    // What serde derives would take an array's items by their position.
    let is_object = message.trim_ascii_start().starts_with(b"{");
    let request = serde_json::from_slice::<Request>(message).ok().filter(|_| is_object);
    let Some(request) = request else { return Incoming::Garbage };
    let (more, oneway) = (request.more, request.oneway);
    match understand(request) {
        Ok(call) => Incoming::Call { call, more, oneway },
        Err(_) if oneway => Incoming::Silence,
        Err(reply) => Incoming::Answer(reply),
    }
}

fn understand(request: Request) -> Result<Call, Reply> {
    let Some((interface, method)) = request.method.rsplit_once('.') else {
        return Err(service_error("InterfaceNotFound", "interface", &request.method));
    };
    match interface {
        INTERFACE => call(method, request.parameters, request.more),
        SERVICE => Err(introspect(method, request.parameters).unwrap_or_else(Reply::from)),
        other => Err(service_error("InterfaceNotFound", "interface", other)),
    }
}

fn call(method: &str, parameters: Value, more: bool) -> Result<Call, Reply> {
    let call = match method {
        "Status" => Call::Status,
        "Modes" => Call::Modes,
        "Watch" if more => Call::Watch,
        "Watch" => return Err(Reply::error(&format!("{SERVICE}.ExpectedMore"), json!({}))),
        "Leases" => Call::Leases,
        "Cancel" => Call::Cancel,
        "SetMode" => return SetMode::of(parameters).map(Call::SetMode).map_err(Reply::from),
        "Profile" => return profile(parameters).map_err(Reply::from),
        "Stop" => return stop(parameters).map_err(Reply::from),
        other => return Err(service_error("MethodNotFound", "method", other)),
    };
    Parameters::of(parameters)?.end()?;
    Ok(call)
}

impl SetMode {
    /// The parameters of a call, by name.
    ///
    /// # Errors
    /// The one that is missing, unknown, of another type or out of range.
    pub fn of(parameters: Value) -> Result<Self, Invalid> {
        let mut given = Parameters::of(parameters)?;
        let set = Self {
            name: given.required("name")?,
            force: given.optional("force")?.unwrap_or_default(),
            plan: given.optional("plan")?.unwrap_or_default(),
            on_busy: given.optional("on_busy")?.map(on_busy).transpose()?,
            wait: wait(&mut given)?,
        };
        given.end()?;
        Ok(set)
    }
}

fn stop(parameters: Value) -> Result<Call, Invalid> {
    let mut given = Parameters::of(parameters)?;
    let stop = Stop {
        force: given.optional("force")?.unwrap_or_default(),
        wait: wait(&mut given)?,
        restart: given.optional("restart")?.unwrap_or_default(),
        config: given.optional("config")?,
    };
    given.end()?;
    Ok(Call::Stop(stop))
}

fn profile(parameters: Value) -> Result<Call, Invalid> {
    let mut given = Parameters::of(parameters)?;
    let (host, shape) = (given.required("host")?, given.optional::<String>("shape")?);
    given.end()?;
    let shape = shape.map(|word| word.parse()).transpose().map_err(|_| invalid("shape"))?;
    Ok(Call::Profile { host, shape })
}

fn wait(given: &mut Parameters) -> Result<Option<u32>, Invalid> {
    match given.optional("wait")? {
        Some(seconds) if !WAIT_SECONDS.contains(&seconds) => Err(invalid("wait")),
        wait => Ok(wait),
    }
}

/// Whatever is wrong inside, the parameter is `on_busy`.
fn on_busy(value: Value) -> Result<OnBusy, Invalid> {
    let read = || {
        let mut given = Parameters::of(value)?;
        let (action, seconds) = (given.required::<String>("action")?, given.optional("seconds")?);
        given.end()?;
        let seconds = seconds.filter(|seconds| OnBusy::SECONDS.contains(seconds));
        match (action.as_str(), seconds) {
            ("refuse", _) => Ok(OnBusy::Refuse),
            ("wait", Some(seconds)) => Ok(OnBusy::Wait { seconds }),
            ("terminate", Some(grace)) => Ok(OnBusy::Terminate { grace }),
            _ => Err(invalid("on_busy")),
        }
    };
    read().map_err(|_| invalid("on_busy"))
}

fn introspect(method: &str, parameters: Value) -> Result<Reply, Invalid> {
    let mut given = Parameters::of(parameters)?;
    let reply = match method {
        "GetInfo" => Reply::done(json!({
            "vendor": "usbnet",
            "product": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "url": "",
            "interfaces": [SERVICE, INTERFACE],
        })),
        "GetInterfaceDescription" => match given.required::<String>("interface")?.as_str() {
            INTERFACE => description(DESCRIPTION),
            SERVICE => description(SERVICE_DESCRIPTION),
            other => service_error("InterfaceNotFound", "interface", other),
        },
        other => return Ok(service_error("MethodNotFound", "method", other)),
    };
    given.end()?;
    Ok(reply)
}

fn invalid(parameter: &str) -> Invalid {
    Invalid(parameter.to_owned())
}

impl From<Invalid> for Reply {
    fn from(Invalid(parameter): Invalid) -> Self {
        service_error("InvalidParameter", "parameter", &parameter)
    }
}

fn description(text: &str) -> Reply {
    Reply::done(json!({ "description": text }))
}

fn service_error(name: &str, field: &str, value: &str) -> Reply {
    Reply::error(&format!("{SERVICE}.{name}"), json!({ field: value }))
}

#[cfg(test)]
mod tests;
