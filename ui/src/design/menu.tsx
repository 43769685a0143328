// A button that opens a list of things to do.

import { Menu } from "@base-ui/react/menu";
import { Fragment, type ReactNode } from "react";

export interface MenuChoice {
  key: string;
  label: ReactNode;
  onChoose: () => void;
  /** Begins a group of this name. */
  group?: string;
  disabled?: boolean;
  danger?: boolean;
}

interface MenuButtonProps {
  label?: string;
  className?: string;
  choices: MenuChoice[];
  children: ReactNode;
}

export function MenuButton({ label, className = "btn", choices, children }: MenuButtonProps) {
  return (
    <Menu.Root>
      <Menu.Trigger className={className} aria-label={label}>
        {children}
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end" className="z-10">
          <Menu.Popup className="menu">
            {choices.map(choice => (
              <Fragment key={choice.key}>
                {choice.group ? <div className="menu-label">{choice.group}</div> : null}
                <Menu.Item
                  className={choice.danger ? "menu-item text-danger" : "menu-item"}
                  disabled={choice.disabled ?? false}
                  onClick={choice.onChoose}
                >
                  {choice.label}
                </Menu.Item>
              </Fragment>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
