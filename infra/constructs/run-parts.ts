import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { runPartDays } from '../../shared/contracts/run-parts.ts';

/** What a function may do with objects. None may list them: names come from the items that hold them. */
export const objectActions = {
  reads: ['s3:GetObject'],
  writes: ['s3:PutObject', 's3:DeleteObject'],
  deletes: ['s3:DeleteObject'],
} as const;

/**
 * The parts of value runs that are too large for an item: counts, and ids of customers who are being written. They are
 * dropped when their run ends.
 */
export class RunParts extends Construct {
  readonly bucket: Bucket;
  /** As other stacks see it, and the name of the export that they see it by. */
  readonly arn: { imported: string; exportedAs: string };

  constructor(scope: Construct, id: string, props: { testStage: boolean }) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      // With S3's own key: encrypted at rest, and no charge for every call as with a key in KMS.
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      lifecycleRules: [
        { expiration: Duration.days(runPartDays), abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
      removalPolicy: props.testStage ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    });
    Validations.of(this.bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'What one night counts, read by its own steps alone: a log of accesses would outlive and outgrow it.',
    });
    const stack = Stack.of(this);
    const imported = stack.exportValue(this.bucket.bucketArn);
    this.arn = { imported, exportedAs: stack.resolve(imported)['Fn::ImportValue'] };
  }
}
