"""The public Python client of Varlink drives the daemon through what it says about itself: nothing of usbnet's is here.

    varlink-client.py MODE OTHER    MODE is set, OTHER can be chosen
"""

import sys
import varlink

INTERFACE = "org.usbnet.Control"
mode, other = sys.argv[1:]


def refused(name, call, /, **parameters):
    try:
        call(**parameters)
    except varlink.VarlinkError as error:
        assert error.error() == name, error
        return error.parameters()
    raise AssertionError(f"not refused with {name}")


with varlink.Client("unix:/run/usbnet/control") as client:
    with client.open("org.varlink.service") as service:
        info = service.GetInfo()
        assert info["product"] == "usbnet" and INTERFACE in info["interfaces"], info
        text = service.GetInterfaceDescription(INTERFACE)["description"]
        assert f"interface {INTERFACE}" in text
        refused("org.varlink.service.InterfaceNotFound", service.GetInterfaceDescription, interface="org.example")

    with client.open(INTERFACE) as control, client.open(INTERFACE) as watcher:
        events = watcher.Watch(_more=True)
        first = next(events)["event"]
        assert (first["kind"], first["value"]) == ("mode", mode), first
        status = control.Status()["status"]
        assert (status["mode"], status["state"]) == (mode, "confirmed"), status
        modes = {one["name"]: one for one in control.Modes()["modes"]}
        assert modes[mode]["current"] and modes[other].get("why") is None, modes

        steps = control.SetMode(name=other, plan=True)
        assert steps["mode"] == other and steps["steps"], steps
        assert control.Status()["status"]["mode"] == mode, "a plan changes nothing"

        unknown = refused(f"{INTERFACE}.UnknownMode", control.SetMode, name="nothing")
        assert unknown["name"] == "nothing" and mode in unknown["modes"], unknown
        refused("org.varlink.service.InvalidParameter", control.SetMode, name=other,
                on_busy={"action": "wait", "seconds": 0})
        refused(f"{INTERFACE}.Failed", control.Cancel)

        assert control.SetMode(other) == {"mode": other, "steps": []}
        seen = []
        while seen[-1:] != [("mode", other)]:
            event = next(events)["event"]
            seen.append((event["kind"], event.get("mode")))
        assert "switching" in [kind for kind, _ in seen], seen
        print(f"switched to {other}; events: {[kind for kind, _ in seen]}")
