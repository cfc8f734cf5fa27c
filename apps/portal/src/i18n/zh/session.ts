import type { Same } from "../messages.ts";
import type { session as en } from "../en/session.ts";

export const session: Same<typeof en> = {
  title: "登录 Sinter",
  userName: "用户名",
  password: "密码",
  login: "登录",
  expired: "会话已结束。重新登录后可从原处继续。",
  otherUser: "以其他用户继续",
  mustChange: "继续之前请设置新密码",
  change: "修改密码",
  oldPassword: "当前密码",
  newPassword: "新密码",
  repeat: "再次输入新密码",
  differ: "两次输入不一致。",
  changed: "密码已修改。",
  rule: "至少 8 个字符，包含大写字母、小写字母、数字、特殊字符中的三种。",
  locked: "该用户已锁定：{{why}}",
};
