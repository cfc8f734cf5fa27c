import {
  objectUrn,
  portGroupUrn,
  uriOf,
  type WireHostPort,
  type WirePortGroup,
  type WireSwitch,
  type WireSwitchBasic,
} from "@sinter/northbound";
import type { PortGroupView } from "./port-group.store.ts";
import type { SwitchHostView, SwitchView } from "./switch.store.ts";

/** Ports that one switch may have, all hosts together. */
const PORTS_MAX = 65_536;

export function switchUrn(siteId: string, id: number): string {
  return objectUrn(siteId, "dvswitchs", id);
}

export function switchBasicToWire(network: SwitchView, siteId: string): WireSwitchBasic {
  const urn = switchUrn(siteId, network.id);
  return {
    urn,
    uri: uriOf(urn),
    name: network.name,
    description: network.description,
    type: 0,
    portGroupNum: network.portGroupCount,
    isIgmpSnooping: false,
    mtu: network.mtu,
    qosType: 1,
    params: { description: network.description },
  };
}

export function switchToWire(
  network: SwitchView,
  hosts: readonly SwitchHostView[],
  usedPorts: number,
  siteId: string,
): WireSwitch {
  return {
    ...switchBasicToWire(network, siteId),
    hostPortSet: hosts.map((host) => hostPortToWire(host, network.generation, siteId)),
    vlanPoolSet: network.vlanPools.map(({ startVlanId, endVlanId }) => ({ startVlanId, endVlanId })),
    vxlanPoolSet: [],
    usedVspNum: usedPorts,
    totalVspNum: PORTS_MAX,
  };
}

/** A host without an uplink has no port name; up means that one of its NICs has a link. */
function hostPortToWire(host: SwitchHostView, generation: number, siteId: string): WireHostPort {
  const hostUrn = objectUrn(siteId, "hosts", host.hostId);
  const uplinks = host.nics.filter((nic) => host.uplinks.includes(nic.name));
  const number = host.nics.findIndex((nic) => nic.name === host.uplinks[0]) + 1;
  return {
    hostUrn,
    hostName: host.hostName,
    portUrn: number === 0 ? "" : `${hostUrn}:uplinkportaggrs:${number}`,
    portName: host.uplinks.join(","),
    status: host.uplinks.length === 0 || uplinks.some((nic) => nic.up) ? 0 : 1,
    vtepInfo: { vtepIP: "", vtepMask: 0, vtepGW: "", outerVLAN: "", enableLLDP: false, switchType: 0 },
    isApplied: host.appliedGeneration >= generation,
    reason: host.reason,
  };
}

export function portGroupToWire(group: PortGroupView, siteId: string): WirePortGroup {
  const urn = portGroupUrn(siteId, group.switchId, group.id);
  const number = (key: string): number => Number(group.settings[key] ?? 0);
  const isOn = (key: string, otherwise = false): boolean => {
    const value = group.settings[key];
    return typeof value === "boolean" ? value : otherwise;
  };
  return {
    urn,
    uri: uriOf(urn),
    name: group.name,
    description: group.description,
    portType: group.kind === "trunk" ? 1 : 0,
    vlanId: group.vlanId,
    vxlanId: 0,
    vlanRange: group.vlanRange,
    subnetUrn: "",
    ipsegmentUrn: "",
    dvsType: 0,
    adminStatus: number("adminStatus"),
    txLimit: number("txLimit"),
    txPeakLimit: number("txPeakLimit"),
    txBurstSize: number("txBurstSize"),
    rxLimit: number("rxLimit"),
    rxPeakLimit: number("rxPeakLimit"),
    rxBurstSize: number("rxBurstSize"),
    priority: number("priority"),
    txWeight: number("txWeight"),
    isDhcpIsolation: isOn("isDhcpIsolation"),
    isIpMacBind: isOn("isIpMacBind"),
    isEnablePG: isOn("isEnablePG", true),
    arpBcstSuppress: number("arpBcstSuppress"),
    ipBcstSuppress: number("ipBcstSuppress"),
    isCalcTCPCheckSum: isOn("isCalcTCPCheckSum"),
    multicastIp: "",
    vspNum: group.nicCount,
    userId: "",
    userName: group.createdBy,
    isQinQEnable: false,
    params: {},
  };
}
