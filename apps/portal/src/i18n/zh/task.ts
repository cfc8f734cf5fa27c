import type { Same } from "../messages.ts";
import type { task as en } from "../en/task.ts";

export const task: Same<typeof en> = {
  type: "任务",
  object: "对象",
  user: "用户",
  started: "开始时间",
  finished: "结束时间",
  progress: "进度",
  duration: "耗时",
  steps: "步骤",
  noSteps: "此任务没有可显示的步骤。",
  cancel: "取消任务",
  cancelAsked: "已请求取消。",
  notCancelable: "此任务已无法取消。",
  reason: "原因",
  attempts: "第 {{count}} 次尝试",
  result: {
    waiting: "等待",
    running: "运行中",
    success: "完成",
    failed: "失败",
    cancelling: "正在取消",
    cancelled: "已取消",
  },
};
