import { Duration, Stack } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';
import { eventSource } from '../../shared/contracts/events.ts';

/** The bus that carries what the tables' streams tell, with an archive to replay it from. */
export class RapportBus extends Construct {
  readonly bus: EventBus;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.bus = new EventBus(this, 'Bus', { description: 'What happened to customers, and what is asked of channels' });
    this.bus.archive('Archive', {
      archiveName: Stack.of(this).stackName,
      description: 'Every event of Rapport, for replay',
      eventPattern: { source: [eventSource] },
      retention: Duration.days(30),
    });
  }
}
