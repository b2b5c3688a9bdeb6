import type { CommandNode } from 'unbash';
import type { Running } from './command.ts';
import type { Environment } from './environment.ts';
import { CallStack } from './call-stack.ts';
import { ShellError } from './errors.ts';
import { PIPELINE_DEPTH_MAX } from './limits.ts';
import { openPipe } from './pipe.ts';

/**
 * Runs the stages of a pipeline side by side: each in a fork of the shell, joined by bounded pipes, resumed in turn
 * until all have ended. Cancelling ends every stage and lets go of every descriptor.
 */
export function* runStages(
  environment: Environment,
  commands: readonly CommandNode[],
  operators: readonly string[],
  runStage: (child: Environment, command: CommandNode) => Running,
): Running<number[]> {
  if (environment.pipelineDepth >= PIPELINE_DEPTH_MAX)
    throw new ShellError(`pipelines inside one another are nested too deeply (${PIPELINE_DEPTH_MAX})`);
  const { terminal } = environment.shared;
  const children = forkStages(environment, commands.length, operators);
  const stages = commands.map((command, index) => {
    const child = children[index] as Environment;
    return { child, running: child.calls.run(runStage(child, command)), status: 0, isDone: false };
  });
  try {
    let aliveCount = stages.length;
    while (aliveCount > 0) {
      let hasProgress = false;
      for (const stage of stages) {
        if (stage.isDone) continue;
        terminal.isBlocked = false;
        const step = stage.running.next();
        hasProgress ||= !terminal.isBlocked;
        if (!step.done) continue;
        stage.status = step.value;
        stage.isDone = true;
        aliveCount--;
        stage.child.dispose();
      }
      // The host may rest only when every stage waits for something.
      if (hasProgress) terminal.isWaiting = false;
      terminal.isBlocked = !hasProgress;
      yield;
    }
  } finally {
    for (const stage of stages) {
      if (stage.isDone) continue;
      stage.running.return(130);
      stage.child.dispose();
    }
  }
  return stages.map(({ status }) => status);
}

function forkStages(environment: Environment, count: number, operators: readonly string[]): Environment[] {
  const children = Array.from({ length: count }, () => environment.fork());
  for (const [index, child] of children.entries()) {
    child.isStage = true;
    child.pipelineDepth = environment.pipelineDepth + 1;
    child.calls = new CallStack();
    const next = children[index + 1];
    if (!next) break;
    const { reader, writer } = openPipe(environment.shared.terminal);
    child.setDescriptor(1, writer);
    if (operators[index] === '|&') child.setDescriptor(2, writer.retain());
    next.setDescriptor(0, reader);
  }
  return children;
}
