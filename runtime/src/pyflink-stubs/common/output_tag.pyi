from penstock.common.output_tag import *
