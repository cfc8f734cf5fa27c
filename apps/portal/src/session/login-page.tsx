import { Card } from "antd";
import type { ReactNode } from "react";
import { LanguageButton } from "../shell/language-button.tsx";

export function LoginPage({ children }: { children: ReactNode }) {
  return (
    <main className="login">
      <Card className="login-card">
        <div className="login-brand">
          <img src="/icon.svg" alt="" width={32} height={32} />
          <span>Sinter</span>
          <LanguageButton />
        </div>
        {children}
      </Card>
    </main>
  );
}
