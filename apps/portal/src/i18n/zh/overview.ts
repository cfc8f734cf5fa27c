import type { Same } from "../messages.ts";
import type { overview as en } from "../en/overview.ts";

export const overview: Same<typeof en> = {
  cpu: "CPU",
  memory: "内存",
  storage: "存储",
  inUse: "已使用",
  used: "已使用：{{used}}",
  promised: "已分配给虚拟机：{{promised}}",
  physical: "物理总量：{{physical}}",
  threads_one: "{{count}} 线程",
  threads_other: "{{count}} 线程",
  vcpus_one: "{{count}} 个虚拟 CPU",
  vcpus_other: "{{count}} 个虚拟 CPU",
  overcommitted: "已超分：分配量为物理量的 {{ratio}} 倍。",
  notOvercommitted: "未超分：分配量为物理量的 {{ratio}} 倍。",
  cpuMeaning:
    "分配量为运行中虚拟机的虚拟 CPU 数。超过物理线程数很常见；当所有虚拟机同时繁忙时，每台得到的计算能力会减少。",
  memoryMeaning: "分配量为运行中虚拟机的内存。使用量为主机上报的数值，包含主机自身占用。",
  storageMeaning:
    "分配量为所有磁盘的完整容量。精简磁盘只在写入时占用空间，因此分配量可以超过物理容量；空间耗尽时虚拟机会停止。",
  hostsByState: "主机状态",
  vmsByState: "虚拟机状态",
  vmStates: {
    running: "运行中",
    stopped: "已停止",
    fault: "故障或未知",
    hibernated: "已休眠",
    other: "已暂停或变更中",
  },
  topHosts: { cpu_usage: "CPU 使用率最高的主机", mem_usage: "内存使用率最高的主机" },
  topVms: { cpu_usage: "CPU 使用率最高的虚拟机", mem_usage: "内存使用率最高的虚拟机" },
  noFigures: "尚无测量数据。",
  manyVms: "仅在运行中的虚拟机不超过 {{count}} 台时比较。",
  problems: "问题",
  noProblems: "未发现问题。",
  kinds: { host: "主机", vm: "虚拟机", datastore: "数据存储", task: "任务失败" },
  moreHosts_one: "另有 {{count}} 台故障主机",
  moreHosts_other: "另有 {{count}} 台故障主机",
  faultyVms_one: "{{count}} 台虚拟机故障或状态未知",
  faultyVms_other: "{{count}} 台虚拟机故障或状态未知",
  allTasks: "全部任务",
};
