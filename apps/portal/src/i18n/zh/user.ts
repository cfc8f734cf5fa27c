import type { Same } from "../messages.ts";
import type { user as en } from "../en/user.ts";

export const user: Same<typeof en> = {
  create: "创建用户",
  firstPassword: "初始密码",
  mustChange: "用户下次登录时必须修改密码。",
  setRoles: "设置角色",
  rolesOf: "{{name}} 的角色",
  resetPassword: "重置密码",
  resetPasswordOf: "{{name}} 的新密码",
  lock: "锁定",
  unlock: "解锁",
  remove: "删除用户",
  removeText: "{{name}} 将无法再登录，其所有会话将失效。",
  isYou: "这是您自己，需要由其他管理员操作。",
  states: {
    active: "正常",
    lockedItself: "因密码错误被锁定",
    locked: "已锁定",
    inactive: "未启用",
  },
  at: "时间",
  from: "来源",
  call: "调用",
  result: "结果",
  verify: "校验审计记录完整性",
  intact_one: "{{count}} 条记录的链完整。",
  intact_other: "{{count}} 条记录的链完整。",
  broken: "链在第 {{record}} 条记录处断开：{{reason}}",
};
